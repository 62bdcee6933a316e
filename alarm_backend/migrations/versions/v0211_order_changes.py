"""Which orders each revision of the feed changed, so that a gateway is sent only what it lacks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0211"
down_revision = "0210"
branch_labels = None
depends_on = None

GROWING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Begins empty: a revision from before is not in it, and whoever names one is sent every order.
    op.create_table(
        "order_changes",
        sa.Column("number", GROWING, autoincrement=True, nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("order_ids", sa.JSON(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_order_changes"),
        sa.UniqueConstraint("revision", name="uq_order_changes_revision"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("order_changes")
