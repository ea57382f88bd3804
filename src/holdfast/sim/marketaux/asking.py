"""What a call to Marketaux asks for: its parameters read, articles chosen, ordered and cut into pages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.sim.marketaux.newsroom import Article
from holdfast.sim.marketaux.searching import Matcher, matcher

WINDOW: Final = 20_000
_MOMENTS: Final = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d", "%Y-%m", "%Y")
_SORTS: Final = ("published_on", "entity_match_score", "entity_sentiment_score", "relevance_score")
_OF_ENTITIES: Final = {
    "symbols": "symbol",
    "entity_types": "type",
    "industries": "industry",
    "countries": "country",
}


@dataclass(slots=True)
class Refusal(Exception):
    """One of Marketaux's errors."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def malformed(name: str) -> Refusal:
    return Refusal(400, "malformed_parameters", f"The {name} parameter(s) are incorrectly formatted.")


class Question:
    """The parameters of one call, read once.

    Raises:
        Refusal: one of them does not hold, or the page asked for is out of reach.
    """

    def __init__(self, query: Mapping[str, str], plan_limit: int) -> None:
        self._query = query
        self._search = query.get("search", "")
        self._matches = self._matcher()
        self._before, self._after, self._on = (
            self._moment(f"published_{name}") for name in ("before", "after", "on")
        )
        self._least, self._most = self._number("sentiment_gte"), self._number("sentiment_lte")
        self._match = self._number("min_match_score")
        self._of_entity = {name: self._words(parameter) for parameter, name in _OF_ENTITIES.items()}
        self._grouped = self._flag("group_similar", default=True)
        self._filtered = self._flag("filter_entities", default=False)
        self._needs_entities = self._flag("must_have_entities", default=False) or any(
            query.get(name) for name in (*_OF_ENTITIES, "sentiment_gte", "sentiment_lte", "min_match_score")
        )
        self._sort, self._descending = self._order()
        self._limit = min(self._whole("limit", plan_limit), plan_limit)
        self._page = self._whole("page", 1)
        if self._limit * self._page > WINDOW:
            raise malformed("page")

    def answer(self, articles: Iterable[Article]) -> dict[str, Any]:
        """``meta`` and ``data`` of the page asked for."""
        rows = self._ordered([row for article in articles for row in self._rows(article) if self._fits(row)])
        shown = rows[self._limit * (self._page - 1) : self._limit * self._page]
        return {
            "meta": {
                "found": len(rows),
                "returned": len(shown),
                "limit": self._limit,
                "page": self._page,
            },
            "data": [self._trimmed(row) for row in shown],
        }

    def _rows(self, article: Article) -> list[dict[str, Any]]:
        """Grouped, which is the default, or each similar article by itself."""
        if self._grouped:
            return [article.row | {"similar": list(article.similar)}]
        return [row | {"similar": []} for row in (article.row, *article.similar)]

    def _fits(self, row: dict[str, Any]) -> bool:
        return (
            self._in_time(row["published_at"])
            and self._of_source(row)
            and self._matches(f"{row['title']}\n{row['description']}\n{row['snippet']}")
            and (not self._needs_entities or any(map(self._entity_fits, row["entities"])))
        )

    def _in_time(self, published: str) -> bool:
        at = datetime.fromisoformat(published)
        if (self._before and at >= self._before) or (self._after and at <= self._after):
            return False
        return not self._on or self._on <= at < self._on + timedelta(days=1)

    def _of_source(self, row: dict[str, Any]) -> bool:
        domain = row["source"]
        wanted, ids = self._words("domains"), self._words("source_ids")
        languages = self._words("language")
        return (
            (not wanted or domain in wanted)
            and domain not in self._words("exclude_domains")
            and (not ids or f"{domain}-1" in ids)
            and f"{domain}-1" not in self._words("exclude_source_ids")
            and (not languages or row["language"] in languages)
        )

    def _entity_fits(self, entity: dict[str, Any]) -> bool:
        if any(wanted and entity[name].lower() not in wanted for name, wanted in self._of_entity.items()):
            return False
        score = entity["sentiment_score"]
        if self._least is not None and (score is None or score < self._least):
            return False
        if self._most is not None and (score is None or score > self._most):
            return False
        return self._match is None or entity["match_score"] >= self._match

    def _ordered(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._search:
            rows = [row | {"relevance_score": _relevance(row, self._search)} for row in rows]
        rows.sort(key=lambda row: row["published_at"], reverse=True)
        if self._sort != "published_on":
            rows.sort(key=_by(self._sort), reverse=self._descending)
        return rows

    def _trimmed(self, row: dict[str, Any]) -> dict[str, Any]:
        if not self._filtered:
            return row
        return row | {"entities": [entity for entity in row["entities"] if self._entity_fits(entity)]}

    def _order(self) -> tuple[str, bool]:
        sort = self._query.get("sort") or ("relevance_score" if self._search else "published_on")
        order = self._query.get("sort_order", "desc")
        if sort not in _SORTS or (sort == "relevance_score" and not self._search):
            raise malformed("sort")
        if order not in ("asc", "desc") or (order == "asc" and not sort.startswith("entity_")):
            raise malformed("sort_order")
        return sort, order == "desc"

    def _matcher(self) -> Matcher:
        if not self._search:
            return lambda _text: True
        try:
            return matcher(self._search)
        except ValueError:
            raise malformed("search") from None

    def _words(self, name: str) -> list[str]:
        return [word.strip().lower() for word in self._query.get(name, "").split(",") if word.strip()]

    def _flag(self, name: str, *, default: bool) -> bool:
        raw = self._query.get(name, "").lower()
        if raw not in ("", "true", "false", "0", "1"):
            raise malformed(name)
        return raw in ("true", "1") if raw else default

    def _whole(self, name: str, default: int) -> int:
        raw = self._query.get(name, "")
        if raw and not re.fullmatch(r"[1-9]\d{0,5}", raw, re.ASCII):
            raise malformed(name)
        return int(raw) if raw else default

    def _number(self, name: str) -> float | None:
        raw = self._query.get(name, "")
        if raw and not re.fullmatch(r"-?\d{1,6}(\.\d{1,12})?", raw, re.ASCII):
            raise malformed(name)
        return float(raw) if raw else None

    def _moment(self, name: str) -> datetime | None:
        raw = self._query.get(name, "")
        if not raw:
            return None
        for form in _MOMENTS if name != "published_on" else ("%Y-%m-%d",):
            try:
                return datetime.strptime(raw, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise malformed(name)


def _by(sort: str) -> Callable[[dict[str, Any]], float]:
    if sort == "relevance_score":
        return lambda row: row["relevance_score"] or 0.0
    name = sort.removeprefix("entity_")

    def best(row: dict[str, Any]) -> float:
        return max((entity[name] for entity in row["entities"] if entity[name] is not None), default=-1e9)

    return best


def _relevance(row: dict[str, Any], search: str) -> float:
    """How often the words of the search stand in the article, the title counting threefold."""
    words = [word.lower() for word in re.findall(r"\w+", search)]
    title, text = row["title"].lower(), row["description"].lower()
    return float(sum(3 * title.count(word) + text.count(word) for word in words))
