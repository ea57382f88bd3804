"""What happened to an account from outside"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("blocks", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_incidents_connection_id_connections")
        ),
        sa.ForeignKeyConstraint(["sleeve_id"], ["sleeves.id"], name=op.f("fk_incidents_sleeve_id_sleeves")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_incidents_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(
        "uq_incidents_reference",
        "incidents",
        [
            "user_id",
            sa.text("coalesce(connection_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            "reference",
        ],
        unique=True,
    )
    op.create_index("ix_incidents_user_at", "incidents", ["user_id", "at"])
    op.create_index(
        "ix_incidents_open", "incidents", ["connection_id"], postgresql_where=sa.text("settled_at IS NULL")
    )
    op.add_column("connections", sa.Column("margin_mode", sa.String(), nullable=False, server_default=""))
    op.alter_column("connections", "margin_mode", server_default=None)
    op.add_column("connections", sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("connections", "fence", server_default=None)
    op.add_column("connections", sa.Column("could_trade_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("connections", sa.Column("unsure_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE connections SET could_trade_at = checked_at WHERE state IN ('active', 'failing')")


def downgrade() -> None:
    for name in ("unsure_since", "could_trade_at", "fence", "margin_mode"):
        op.drop_column("connections", name)
    op.drop_table("incidents")
