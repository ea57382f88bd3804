"""A database says which mode it belongs to; one that has been used tells by its accounts and users"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.execute(
        """
        INSERT INTO installation (id, mode)
        SELECT 1, CASE WHEN bool_or(real) THEN 'live' ELSE 'demo' END
        FROM (
            SELECT environment <> 'simulated' AS real FROM connections
            UNION ALL SELECT false FROM users WHERE is_demo
        ) AS seen
        HAVING count(*) > 0
        """
    )


def downgrade() -> None:
    op.drop_table("installation")
