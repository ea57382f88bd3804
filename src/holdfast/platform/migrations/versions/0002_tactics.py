"""Order tactics, rebalancing"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("style", sa.String(), nullable=False, server_default="ioc"))
    op.alter_column("orders", "style", server_default=None)
    op.add_column("orders", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "due_at")
    op.drop_column("orders", "style")
