"""The tables of case managers and evaluators: drafts and signatures of orders, trackers, stock, feedback."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table, Text

from alarm_backend.store.tables import GROWING, metadata

order_drafts = Table(
    "order_drafts",
    metadata,
    Column("draft_id", String(40), primary_key=True),
    Column("order_id", String(80), nullable=False, index=True),
    Column("act", String(10), nullable=False),
    Column("base_version", Integer),
    Column("revision", Integer, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("document", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_by", String(80), nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("submitted_by", String(80)),
    Column("submitted_ms", BigInteger),
    Column("reviewed_by", String(80)),
    Column("reviewed_ms", BigInteger),
    Column("review_note", Text, nullable=False),
    Column("signed_version", Integer),
    Column("what_if", JSON(none_as_null=True)),
)

order_draft_revisions = Table(
    "order_draft_revisions",
    metadata,
    Column("draft_id", String(40), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
)

order_signatures = Table(
    "order_signatures",
    metadata,
    Column("order_id", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("draft_id", String(40), nullable=False),
    Column("drafted_by", JSON, nullable=False),
    Column("signed_by", String(80), nullable=False),
    Column("signed_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("what_if", JSON(none_as_null=True)),
)

order_receipts = Table(
    "order_receipts",
    metadata,
    Column("source", String(80), primary_key=True),
    Column("order_id", String(80), primary_key=True),
    Column("version", Integer),
    Column("active_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
)

order_changes = Table(
    "order_changes",
    metadata,
    Column("number", GROWING, primary_key=True, autoincrement=True),
    Column("revision", String(40), nullable=False, unique=True),
    Column("order_ids", JSON, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

devices = Table(
    "devices",
    metadata,
    Column("device_id", String(80), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("model", String(80), nullable=False),
    Column("key_fingerprint", String(64)),
    Column("condition", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

hookups = Table(
    "hookups",
    metadata,
    Column("hookup_id", String(40), primary_key=True),
    Column("device_id", String(80), nullable=False, index=True),
    Column("person_id", String(80), nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("order_id", String(80), nullable=False, index=True),
    Column("mandate_kind", String(80), nullable=False),
    Column("strap_number", String(40), nullable=False),
    Column("battery_percent", Integer, nullable=False),
    Column("fitted_at", String(80), nullable=False),
    Column("fitted_by", String(80), nullable=False),
    Column("consent", Boolean, nullable=False),
    Column("hooked_ms", BigInteger, nullable=False),
    Column("effective_ms", BigInteger, index=True),
    Column("unhooked_ms", BigInteger, index=True),
    Column("unhooked_by", String(80)),
    Column("unhook_reason", String(20)),
    Column("stored_ms", BigInteger, nullable=False),
)

venues = Table(
    "venues",
    metadata,
    Column("venue_code", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("municipality", String(80), nullable=False),
    Column("from_day", String(10)),
    Column("until_day", String(10)),
    Column("created_ms", BigInteger, nullable=False),
)

stock_lots = Table(
    "stock_lots",
    metadata,
    Column("lot_id", String(64), primary_key=True),
    Column("item", String(20), nullable=False),
    Column("received", Integer, nullable=False),
    Column("expires_day", String(10)),
    Column("recalled_ms", BigInteger),
    Column("recall_reason", Text),
    Column("created_by", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

stock_moves = Table(
    "stock_moves",
    metadata,
    Column("move_id", String(80), primary_key=True),
    Column("lot_id", String(64), nullable=False, index=True),
    Column("venue_code", String(40), nullable=False, index=True),
    Column("what", String(20), nullable=False),
    Column("number", Integer, nullable=False),
    Column("day", String(10), nullable=False, index=True),
    Column("actor", String(80), nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", String(40), primary_key=True),
    Column("venue_code", String(40), nullable=False, index=True),
    Column("audience", String(10), nullable=False),
    Column("language", String(2), nullable=False),
    Column("day", String(10), nullable=False, index=True),
    Column("answers", JSON, nullable=False),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("window_id", String(40), primary_key=True),
    Column("scope", String(10), nullable=False),
    Column("target", String(80), nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("needs_second_person", Boolean, nullable=False),
    Column("planned_by", String(80), nullable=False),
    Column("planned_ms", BigInteger, nullable=False),
    Column("approved_by", String(80)),
    Column("approved_ms", BigInteger),
    Column("began_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("ended_by", String(80)),
    Column("end_note", Text, nullable=False),
)
