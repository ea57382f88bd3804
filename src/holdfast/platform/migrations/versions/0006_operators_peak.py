"""The peak that the installation's own drawdown limit is measured from"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("risk_marks", sa.Column("operators_peak", sa.Numeric(38, 18)))
    op.add_column("risk_marks", sa.Column("operators_peak_since", sa.DateTime(timezone=True)))
    op.execute("UPDATE risk_marks SET operators_peak = peak, operators_peak_since = peak_since")
    op.alter_column("risk_marks", "operators_peak", nullable=False)
    op.alter_column("risk_marks", "operators_peak_since", nullable=False)


def downgrade() -> None:
    op.drop_column("risk_marks", "operators_peak_since")
    op.drop_column("risk_marks", "operators_peak")
