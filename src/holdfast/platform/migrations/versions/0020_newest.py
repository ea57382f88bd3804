"""Fills are found by when they were booked, and orders that wait at a venue by their position"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_fills_connection_booked", "fills", ["connection_id", "booked_at", "executed_at"])
    op.create_index(
        "ix_orders_working",
        "orders",
        ["sleeve_id"],
        postgresql_where=sa.text("state IN ('accepted', 'partially_filled')"),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_working", "orders")
    op.drop_index("ix_fills_connection_booked", "fills")
