"""Back-tests and what came out of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backtests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("script_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("dataset_id", sa.Uuid(), nullable=True),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("capital", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("fee_rate", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("slippage", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("allow_short", sa.Boolean(), nullable=False),
        sa.Column("signal_size", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sparkline", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("bars", sa.Integer(), nullable=True),
        sa.Column("first_bar", sa.BigInteger(), nullable=True),
        sa.Column("last_bar", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("took", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_backtests_user_id_users")),
        sa.ForeignKeyConstraint(
            ["script_id", "version"],
            ["script_versions.script_id", "script_versions.number"],
            name=op.f("fk_backtests_script_id_script_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
    )
    op.create_index("ix_backtests_user_id_created_at", "backtests", ["user_id", "created_at"])
    op.create_index("ix_backtests_script_id", "backtests", ["script_id"])
    op.create_table(
        "backtest_parts",
        sa.Column("backtest_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backtest_id"],
            ["backtests.id"],
            name=op.f("fk_backtest_parts_backtest_id_backtests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("backtest_id", "kind", "part", name=op.f("pk_backtest_parts")),
    )


def downgrade() -> None:
    op.drop_table("backtest_parts")
    op.drop_table("backtests")
