"""Limits and stops"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MONEY = sa.Numeric(precision=38, scale=18)
_MOMENT = sa.DateTime(timezone=True)
_SLEEVE = sa.text("coalesce(sleeve_id, '00000000-0000-0000-0000-000000000000'::uuid)")
_USER = sa.text("coalesce(user_id, '00000000-0000-0000-0000-000000000000'::uuid)")


def upgrade() -> None:
    op.create_table(
        "risk_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("order_notional", _MONEY, nullable=True),
        sa.Column("instrument_notional", _MONEY, nullable=True),
        sa.Column("sleeve_notional", _MONEY, nullable=True),
        sa.Column("gross_notional", _MONEY, nullable=True),
        sa.Column("daily_loss", _MONEY, nullable=True),
        sa.Column("drawdown", _MONEY, nullable=True),
        sa.Column("orders_per_minute", sa.Integer(), nullable=True),
        sa.Column("price_band", _MONEY, nullable=True),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_risk_limits_user_id_users")),
        sa.ForeignKeyConstraint(["sleeve_id"], ["sleeves.id"], name=op.f("fk_risk_limits_sleeve_id_sleeves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_limits")),
    )
    op.create_index(op.f("ix_risk_limits_sleeve_id"), "risk_limits", ["sleeve_id"])
    op.create_index("uq_risk_limits_owner", "risk_limits", ["user_id", _SLEEVE], unique=True)
    op.create_table(
        "risk_marks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("value", _MONEY, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_value", _MONEY, nullable=False),
        sa.Column("peak", _MONEY, nullable=False),
        sa.Column("peak_since", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_risk_marks_user_id_users")),
        sa.ForeignKeyConstraint(["sleeve_id"], ["sleeves.id"], name=op.f("fk_risk_marks_sleeve_id_sleeves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_marks")),
    )
    op.create_index(op.f("ix_risk_marks_sleeve_id"), "risk_marks", ["sleeve_id"])
    op.create_index("uq_risk_marks_owner", "risk_marks", ["user_id", _SLEEVE], unique=True)
    op.create_table(
        "stops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("lifted_at", _MOMENT, nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_stops_user_id_users")),
        sa.ForeignKeyConstraint(["sleeve_id"], ["sleeves.id"], name=op.f("fk_stops_sleeve_id_sleeves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(op.f("ix_stops_user_id"), "stops", ["user_id"])
    op.create_index(op.f("ix_stops_sleeve_id"), "stops", ["sleeve_id"])
    op.create_index(
        "uq_stops_in_force",
        "stops",
        ["scope", _USER, _SLEEVE, "origin"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "flattens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("stop_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_flattens_user_id_users")),
        sa.ForeignKeyConstraint(["sleeve_id"], ["sleeves.id"], name=op.f("fk_flattens_sleeve_id_sleeves")),
        sa.ForeignKeyConstraint(["stop_id"], ["stops.id"], name=op.f("fk_flattens_stop_id_stops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flattens")),
    )
    op.create_index(op.f("ix_flattens_user_id"), "flattens", ["user_id"])
    op.create_index(op.f("ix_flattens_sleeve_id"), "flattens", ["sleeve_id"])
    op.create_index(
        "uq_flattens_running",
        "flattens",
        ["user_id", _SLEEVE],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "flatten_positions",
        sa.Column("flatten_id", sa.Uuid(), nullable=False),
        sa.Column("sleeve_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flatten_id"], ["flattens.id"], name=op.f("fk_flatten_positions_flatten_id_flattens")
        ),
        sa.ForeignKeyConstraint(
            ["sleeve_id"], ["sleeves.id"], name=op.f("fk_flatten_positions_sleeve_id_sleeves")
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_flatten_positions_execution_id_executions")
        ),
        sa.PrimaryKeyConstraint("flatten_id", "sleeve_id", name=op.f("pk_flatten_positions")),
    )


def downgrade() -> None:
    for table in ("flatten_positions", "flattens", "stops", "risk_marks", "risk_limits"):
        op.drop_table(table)
