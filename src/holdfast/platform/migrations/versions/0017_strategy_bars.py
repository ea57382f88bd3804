"""Strategies: how far their bars are thinned, where holding has bought, and that one is being deleted"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("strategies", sa.Column("hold_open", sa.Numeric(38, 18), nullable=True))
    op.add_column("strategies", sa.Column("hourly_until", sa.BigInteger(), nullable=True))
    op.add_column("strategies", sa.Column("daily_until", sa.BigInteger(), nullable=True))
    op.add_column("strategies", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    # The open of the second bar was not kept; the close before it comes closest.
    op.execute(
        "UPDATE strategies SET hourly_until = since, daily_until = since, hold_open = "
        "(SELECT close FROM strategy_bars WHERE strategy_id = strategies.id ORDER BY time LIMIT 1)"
    )
    op.alter_column("strategies", "hourly_until", nullable=False)
    op.alter_column("strategies", "daily_until", nullable=False)


def downgrade() -> None:
    op.execute("DELETE FROM strategies WHERE deleted_at IS NOT NULL")
    for column in ("deleted_at", "daily_until", "hourly_until", "hold_open"):
        op.drop_column("strategies", column)
