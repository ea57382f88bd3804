"""The trade journal: entries, their tags, fills and pictures"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("mood", sa.String(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("setup", sa.String(), nullable=False),
        sa.Column("trade", sa.String(), nullable=False),
        sa.Column("sleeve_id", sa.Uuid(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("quantity", sa.Numeric(38, 18), nullable=True),
        sa.Column("entry_price", sa.Numeric(38, 18), nullable=True),
        sa.Column("entry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exit_price", sa.Numeric(38, 18), nullable=True),
        sa.Column("exit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fees", sa.Numeric(38, 18), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "trade IN ('none', 'position', 'fills', 'hand')", name=op.f("ck_journal_entries_trade")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_journal_entries_user_id_users")),
        sa.ForeignKeyConstraint(
            ["sleeve_id"], ["sleeves.id"], name=op.f("fk_journal_entries_sleeve_id_sleeves")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
    )
    op.create_index("ix_journal_entries_user_id", "journal_entries", ["user_id", "happened_at", "id"])
    op.create_index(op.f("ix_journal_entries_sleeve_id"), "journal_entries", ["sleeve_id"])
    op.create_index(
        "ix_journal_entries_deleted_at",
        "journal_entries",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_table(
        "journal_tags",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["journal_entries.id"],
            name=op.f("fk_journal_tags_entry_id_journal_entries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entry_id", "tag", name=op.f("pk_journal_tags")),
    )
    op.create_index("ix_journal_tags_tag", "journal_tags", ["tag"])
    op.create_table(
        "journal_fills",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("exec_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["journal_entries.id"],
            name=op.f("fk_journal_fills_entry_id_journal_entries"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id", "exec_id"],
            ["fills.connection_id", "fills.exec_id"],
            name=op.f("fk_journal_fills_connection_id_fills"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "connection_id", "exec_id", name=op.f("pk_journal_fills")),
    )
    op.create_table(
        "journal_images",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_journal_images_user_id_users")),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["journal_entries.id"],
            name=op.f("fk_journal_images_entry_id_journal_entries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_images")),
    )
    op.create_index("ix_journal_images_user_id", "journal_images", ["user_id"])
    op.create_index(op.f("ix_journal_images_entry_id"), "journal_images", ["entry_id"])


def downgrade() -> None:
    for table in ("journal_images", "journal_fills", "journal_tags", "journal_entries"):
        op.drop_table(table)
