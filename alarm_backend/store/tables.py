"""Every table of the backend.

Times are Unix milliseconds: `stored_ms` of the real clock, others of the process clock.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

GROWING = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only numbers by itself when the type is exactly INTEGER."""

orders = Table(
    "orders",
    metadata,
    Column("order_id", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("is_current", Boolean, nullable=False, index=True),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    Column("mandate_kind", String(80), nullable=False),
    Column("valid_from_ms", BigInteger),
    Column("valid_until_ms", BigInteger),
    Column("document", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_id", String(80), primary_key=True),
    Column("order_id", String(80), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("risk", Float, nullable=False),
    Column("state", String(20), nullable=False),
    Column("condition", String(20), nullable=False),
    Column("monitored", String(80)),
    Column("protected", String(80)),
    Column("zone_id", String(80)),
    Column("distance_m", Float),
    Column("probability", Float),
    Column("reason", Text, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger),
    Column("stored_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("acknowledged_by", String(80)),
    Column("acknowledged_ms", BigInteger),
    Column("taken_by", String(80)),
    Column("closing_by", String(80)),
    Column("resolved_by", String(80)),
    Column("resolved_ms", BigInteger),
    Column("cause", String(40)),
    Column("note", Text),
    Column("deadline_ms", BigInteger),
    Column("incident_id", String(100), index=True),
    Column("escalation_level", Integer, nullable=False, server_default="0"),
    Column("escalation_due_ms", BigInteger),
    Column("maintenance_id", String(40), index=True),
    Column("maintenance_until_ms", BigInteger),
    Index("ix_alarms_open_risk", "state", "risk"),
    Index("ix_alarms_kind_raised", "kind", "raised_ms"),
    Index("ix_alarms_raised", "raised_ms"),
    Index(None, "stored_ms"),
    Index(None, "monitored", "raised_ms"),
    Index(None, "protected", "raised_ms"),
    Index(None, "order_id", "raised_ms"),
)

transitions = Table(
    "alarm_transitions",
    metadata,
    Column("transition_id", GROWING, primary_key=True, autoincrement=True),
    Column("idempotency_key", String(200), nullable=False, unique=True),
    Column("alarm_id", String(80), nullable=False, index=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("transition", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("state_before", String(20)),
    Column("state_after", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("fix_received_ms", BigInteger),
    Column("stored_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

rejections = Table(
    "rejections",
    metadata,
    Column("rejection_id", GROWING, primary_key=True, autoincrement=True),
    Column("source", String(40), nullable=False),
    Column("body_sha256", String(64), nullable=False, unique=True),
    Column("idempotency_key", String(200)),
    Column("reason", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

positions = Table(
    "positions",
    metadata,
    Column("position_id", GROWING, primary_key=True, autoincrement=True),
    Column("device_id", String(80), nullable=False),
    Column("order_id", String(80), nullable=False),
    Column("person_id", String(80), nullable=False),
    Column("role", String(20), nullable=False),
    Column("fix_ms", BigInteger, nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("lon", Float(53), nullable=False),
    Column("horizontal_accuracy_m", Float),
    Column("speed_m_s", Float),
    Column("course_deg", Float),
    Column("stored_ms", BigInteger, nullable=False),
    UniqueConstraint("order_id", "device_id", "fix_ms"),
    Index("ix_positions_person_fix", "person_id", "fix_ms"),
    Index("ix_positions_fix", "fix_ms"),
    sqlite_autoincrement=True,
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("source", String(80), primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("journal_seq", BigInteger, nullable=False),
    Column("outbox_depth", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("silent_alarm_id", String(80)),
)

field_tests = Table(
    "field_tests",
    metadata,
    Column("line_sha256", String(64), primary_key=True),
    Column("record_id", String(80), nullable=False, index=True),
    Column("device_id", String(80), nullable=False, index=True),
    Column("time_ms", BigInteger, nullable=False, index=True),
    Column("verdict", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("signature_state", String(20), nullable=False),
    Column("flags", JSON, nullable=False),
    Column("record", JSON, nullable=False),
    Column("line", Text, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("username", String(80), primary_key=True),
    Column("full_name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("totp_sealed", Text),
    Column("totp_used_step", BigInteger),
    Column("oidc_issuer", String(300)),
    Column("oidc_subject", String(255)),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("username", String(80), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("how", String(20), nullable=False, server_default="password"),
    Column("provider_sid", String(255), index=True),
)

login_tokens = Table(
    "login_tokens",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("username", String(80), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("event_id", GROWING, primary_key=True, autoincrement=True),
    Column("name", String(20), nullable=False),
    Column("data", Text, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Index("ix_events_stored", "stored_ms"),
    sqlite_autoincrement=True,
)

instruction_log = Table(
    "instruction_log",
    metadata,
    Column("entry_id", GROWING, primary_key=True, autoincrement=True),
    Column("alarm_id", String(80), nullable=False, index=True),
    Column("step_id", String(40), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Column("overridden", Boolean, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

handovers = Table(
    "handovers",
    metadata,
    Column("identifier", String(100), primary_key=True),
    Column("alarm_id", String(80), nullable=False, index=True),
    Column("msg_type", String(10), nullable=False),
    Column("cap_xml", Text, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("created_by", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_ms", BigInteger),
    Column("last_error", Text),
    Column("receipt", String(200)),
    Column("receipted_ms", BigInteger),
)

identities = Table(
    "identities",
    metadata,
    Column("person_id", String(80), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

platform_state = Table(
    "platform_state",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("body", JSON, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
