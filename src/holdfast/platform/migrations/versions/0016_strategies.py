"""Strategies on paper: their state, the value of every bar, fills and events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "strategies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("script_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("capital", sa.Numeric(38, 18), nullable=False),
        sa.Column("fee_rate", sa.Numeric(38, 18), nullable=False),
        sa.Column("slippage", sa.Numeric(38, 18), nullable=False),
        sa.Column("allow_short", sa.Boolean(), nullable=False),
        sa.Column("signal_size", sa.Numeric(38, 18), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("book", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("anchor", sa.BigInteger(), nullable=True),
        sa.Column("next_time", sa.BigInteger(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=True),
        sa.Column("last_bar", sa.BigInteger(), nullable=True),
        sa.Column("last_close", sa.Numeric(38, 18), nullable=True),
        sa.Column("closing_from", sa.BigInteger(), nullable=True),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.Float(), nullable=True),
        sa.Column("signal", sa.Float(), nullable=True),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.String(), nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("repainted", sa.Boolean(), nullable=False),
        sa.Column("next_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('paper', 'paused', 'stopped', 'failed')", name=op.f("ck_strategies_state")
        ),
        sa.ForeignKeyConstraint(
            ["script_id", "version"],
            ["script_versions.script_id", "script_versions.number"],
            name=op.f("fk_strategies_script_id_script_versions"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_strategies_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
    )
    op.create_index("ix_strategies_user_id", "strategies", ["user_id", "created_at", "id"])
    op.create_index("ix_strategies_script_id", "strategies", ["script_id", "version"])
    op.create_index(
        "ix_strategies_running",
        "strategies",
        ["series"],
        postgresql_where=sa.text("state <> 'stopped' OR closing_from IS NOT NULL"),
    )
    op.create_table(
        "strategy_bars",
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Float(), nullable=True),
        sa.Column("signal", sa.Float(), nullable=True),
        sa.Column("close", sa.Numeric(38, 18), nullable=False),
        sa.Column("quantity", sa.Numeric(38, 18), nullable=False),
        sa.Column("equity", sa.Numeric(38, 18), nullable=False),
        sa.Column("bars", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_strategy_bars_strategy_id_strategies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("strategy_id", "time", name=op.f("pk_strategy_bars")),
    )
    op.create_table(
        "strategy_fills",
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(38, 18), nullable=False),
        sa.Column("price", sa.Numeric(38, 18), nullable=False),
        sa.Column("fee", sa.Numeric(38, 18), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_strategy_fills_strategy_id_strategies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("strategy_id", "time", name=op.f("pk_strategy_fills")),
    )
    op.create_table(
        "strategy_events",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bar", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name=op.f("fk_strategy_events_strategy_id_strategies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_strategy_events")),
    )
    op.create_index("ix_strategy_events_strategy_id", "strategy_events", ["strategy_id", "number"])


def downgrade() -> None:
    for table in ("strategy_events", "strategy_fills", "strategy_bars", "strategies"):
        op.drop_table(table)
