"""Price alerts are found by what changed them last, and by the side and the price that a move reaches"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "price_alerts", sa.Column("changed_in", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )
    op.alter_column(
        "price_alerts", "changed_in", server_default=sa.text("pg_current_xact_id()::text::bigint")
    )
    op.create_index(op.f("ix_price_alerts_changed_in"), "price_alerts", ["changed_in"])
    op.create_index(
        "ix_price_alerts_reached",
        "price_alerts",
        ["series", "side", "price"],
        postgresql_where=sa.text("active"),
    )
    op.drop_index("ix_price_alerts_active_series", "price_alerts")


def downgrade() -> None:
    op.create_index(
        "ix_price_alerts_active_series", "price_alerts", ["series"], postgresql_where=sa.text("active")
    )
    for index in ("ix_price_alerts_reached", "ix_price_alerts_changed_in"):
        op.drop_index(index, "price_alerts")
    op.drop_column("price_alerts", "changed_in")
