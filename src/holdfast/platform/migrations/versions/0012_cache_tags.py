"""Stamps of what kept answers are made of"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cache_tags",
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("stamp", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_cache_tags")),
    )


def downgrade() -> None:
    op.drop_table("cache_tags")
