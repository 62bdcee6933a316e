"""Incidents, escalation, instructions, police, identities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handovers",
        sa.Column("identifier", sa.String(length=100), nullable=False),
        sa.Column("alarm_id", sa.String(length=80), nullable=False),
        sa.Column("msg_type", sa.String(length=10), nullable=False),
        sa.Column("cap_xml", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("receipt", sa.String(length=200), nullable=True),
        sa.Column("receipted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("identifier", name=op.f("pk_handovers")),
    )
    with op.batch_alter_table("handovers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handovers_alarm_id"), ["alarm_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_handovers_state"), ["state"], unique=False)

    op.create_table(
        "identities",
        sa.Column("person_id", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_identities")),
    )
    op.create_table(
        "instruction_log",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alarm_id", sa.String(length=80), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("overridden", sa.Boolean(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_instruction_log")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("instruction_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instruction_log_alarm_id"), ["alarm_id"], unique=False)

    op.create_table(
        "platform_state",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_platform_state")),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("incident_id", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("escalation_level", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("escalation_due_ms", sa.BigInteger(), nullable=True))
        batch_op.create_index(batch_op.f("ix_alarms_incident_id"), ["incident_id"], unique=False)
        for column in ("monitored", "protected", "order_id"):
            batch_op.drop_index(f"ix_alarms_{column}")
            batch_op.create_index(f"ix_alarms_{column}_raised_ms", [column, "raised_ms"])
        batch_op.create_index("ix_alarms_stored_ms", ["stored_ms"])
    op.execute("UPDATE alarms SET incident_id = 'i-' || alarm_id")
    op.execute("UPDATE alarms SET escalation_due_ms = stored_ms WHERE state = 'raised'")

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("totp_sealed", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("totp_used_step", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("totp_used_step")
        batch_op.drop_column("totp_sealed")

    with op.batch_alter_table("alarms", schema=None) as batch_op:
        for column in ("monitored", "protected", "order_id"):
            batch_op.drop_index(f"ix_alarms_{column}_raised_ms")
            batch_op.create_index(f"ix_alarms_{column}", [column])
        batch_op.drop_index("ix_alarms_stored_ms")
        batch_op.drop_index(batch_op.f("ix_alarms_incident_id"))
        batch_op.drop_column("escalation_due_ms")
        batch_op.drop_column("escalation_level")
        batch_op.drop_column("incident_id")

    op.drop_table("platform_state")
    with op.batch_alter_table("instruction_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_instruction_log_alarm_id"))

    op.drop_table("instruction_log")
    op.drop_table("identities")
    with op.batch_alter_table("handovers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handovers_state"))
        batch_op.drop_index(batch_op.f("ix_handovers_alarm_id"))

    op.drop_table("handovers")
