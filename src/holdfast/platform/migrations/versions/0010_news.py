"""News, the coins they name, and their source"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "news_articles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("publisher", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sentiment", sa.Float(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("similar_to", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["similar_to"], ["news_articles.id"], name=op.f("fk_news_articles_similar_to_news_articles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_articles")),
    )
    op.create_index("ix_news_articles_published_at", "news_articles", ["published_at", "id"])
    op.create_index("ix_news_articles_known_at", "news_articles", ["known_at"])
    op.create_index("ix_news_articles_similar_to", "news_articles", ["similar_to"])
    op.create_table(
        "news_mentions",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("match_score", sa.Float(), nullable=False),
        sa.Column("sentiment", sa.Float(), nullable=True),
        sa.Column("highlight", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["news_articles.id"], name=op.f("fk_news_mentions_article_id_news_articles")
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name=op.f("fk_news_mentions_asset_id_assets")),
        sa.PrimaryKeyConstraint("article_id", "asset_id", name=op.f("pk_news_mentions")),
    )
    op.create_index("ix_news_mentions_asset_id", "news_mentions", ["asset_id"])
    op.create_table(
        "news_sources",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_news_sources")),
    )


def downgrade() -> None:
    for table in ("news_sources", "news_mentions", "news_articles"):
        op.drop_table(table)
