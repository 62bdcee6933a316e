"""Maintenance windows, and the mark of the alarms that they cover."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0210"
down_revision = "0201"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maintenance_windows",
        sa.Column("window_id", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("needs_second_person", sa.Boolean(), nullable=False),
        sa.Column("planned_by", sa.String(length=80), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.Column("approved_ms", sa.BigInteger(), nullable=True),
        sa.Column("began_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("window_id", name="pk_maintenance_windows"),
    )
    op.create_index("ix_maintenance_windows_state", "maintenance_windows", ["state"])
    op.add_column("alarms", sa.Column("maintenance_id", sa.String(length=40), nullable=True))
    op.add_column("alarms", sa.Column("maintenance_until_ms", sa.BigInteger(), nullable=True))
    op.create_index("ix_alarms_maintenance_id", "alarms", ["maintenance_id"])


ASIDE = 1000.0


def downgrade() -> None:
    # A version that knows no windows must call out at once what stands aside, and not order it last.
    op.execute(
        f"UPDATE alarms SET risk = risk + {ASIDE}, "
        "escalation_due_ms = CASE WHEN state = 'raised' THEN changed_ms ELSE NULL END "
        "WHERE maintenance_id IS NOT NULL"
    )
    op.drop_index("ix_alarms_maintenance_id", table_name="alarms")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_column("maintenance_until_ms")
        batch_op.drop_column("maintenance_id")
    op.drop_index("ix_maintenance_windows_state", table_name="maintenance_windows")
    op.drop_table("maintenance_windows")
