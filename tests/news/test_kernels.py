"""Names to coins, strangers' text to plain text, moods, and rows to articles."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.news.conftest import NOON

from holdfast.news.intake import articles
from holdfast.news.naming import AssetBook
from holdfast.news.plaintext import plain_text, web_address
from holdfast.news.sentiment import Basis, Mood, estimated, mood_of, weighted
from holdfast.sim.marketaux.newsroom import HOSTILE

UUIDS = [str(UUID(int=number)) for number in range(1, 9)]


@pytest.mark.parametrize(
    ("symbol", "name", "kind", "asset"),
    [
        ("CC:BTC", "Bitcoin", "cryptocurrency", "bitcoin"),
        ("BTC", "", "cryptocurrency", "bitcoin"),
        ("BTCUSD", "Bitcoin USD", "cryptocurrency", "bitcoin"),
        ("BTC-USD", "", "cryptocurrency", "bitcoin"),
        ("BTC/USDT", "", "currency", "bitcoin"),
        ("", "bitcoin", "cryptocurrency", "bitcoin"),
        ("ETHBTC", "", "cryptocurrency", "ethereum"),
        ("LEND", "", "cryptocurrency", "aave"),
        ("PEPE", "", "cryptocurrency", "pepe"),
        ("PEPE", "Wrapped Pepe", "cryptocurrency", "wrapped-pepe"),
        ("BTC", "Ethereum", "cryptocurrency", "ethereum"),
        ("SUI", "Sun Communities", "equity", None),
        ("BTC", "Grayscale Bitcoin Mini Trust", "etf", None),
        ("EURUSD", "Euro US Dollar", "currency", None),
        ("", "", "cryptocurrency", None),
        ("NOSUCH", "Nothing", "cryptocurrency", None),
    ],
)
def test_an_entity_is_the_coin_it_means(
    book: AssetBook, symbol: str, name: str, kind: str, asset: str | None
) -> None:
    found = book.of_entity(symbol, name, kind)
    assert (found.asset_id if found else None) == asset


@pytest.mark.parametrize(
    ("text", "asset"),
    [
        ("bitcoin", "bitcoin"),
        ("btc", "bitcoin"),
        ("BTCUSDT", "bitcoin"),
        ("1000PEPEUSDT", "pepe"),
        ("1INCHUSDT", "1inch"),
        ("Ethereum", "ethereum"),
        ("nothing", None),
    ],
)
def test_what_a_person_writes_is_the_coin(book: AssetBook, text: str, asset: str | None) -> None:
    found = book.of_symbol(text)
    assert (found.asset_id if found else None) == asset


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<em>Bitcoin</em> rises", "Bitcoin rises"),
        ("<script>alert(1)</script>Bitcoin", "Bitcoin"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Bitcoin", "Bitcoin"),
        ("&amp;lt;img src=x onerror=1&amp;gt;Bitcoin", "Bitcoin"),
        ("BTC &lt; 100k &amp; falling", "BTC < 100k & falling"),
        ("one\n two\x00\u202ethree", "one two three"),
        (None, ""),
        (17, ""),
    ],
)
def test_markup_becomes_plain_text(text: object, plain: str) -> None:
    assert plain_text(text, 100) == plain


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_markup_leaves_nothing_that_acts(hostile: str) -> None:
    text = plain_text(f"{hostile} <em>Bitcoin</em>", 300)
    assert "<" not in text
    assert "onerror" not in text
    assert "javascript" not in text


@given(st.text(alphabet=st.sampled_from("<>/&;!?= \"'ltgampscrie#x0\n"), max_size=60))
def test_no_text_keeps_the_beginning_of_a_tag(text: str) -> None:
    plain = plain_text(text, 40)
    assert len(plain) <= 40
    assert re.search(r"<[a-zA-Z/!?]", plain) is None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://news.example/a?b=c", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//news.example", False),
        ("https://", False),
        ("https://[", False),
        ("https://news.example/a b", False),
        (None, False),
    ],
)
def test_only_web_addresses_are_kept(url: object, kept: bool) -> None:
    assert web_address(url) == (url if kept else "")


def test_sentiment_is_weighted_by_the_match() -> None:
    assert weighted([(30.0, 0.5), (10.0, -0.5)]) == pytest.approx(0.25)
    assert weighted([(30.0, None), (10.0, -0.5)]) == pytest.approx(-0.5)
    assert weighted([(0.0, 0.4), (0.0, 0.2)]) == pytest.approx(0.3)
    assert weighted([(5.0, 0.0)]) == 0.0
    assert weighted([(5.0, None)]) is None
    assert weighted([]) is None


def test_nobody_said_is_not_neutral() -> None:
    moods = [mood_of(score) for score in (0.05, 0.049, -0.05, 0.0, None)]
    assert moods == [Mood.POSITIVE, Mood.NEUTRAL, Mood.NEGATIVE, Mood.NEUTRAL, Mood.UNKNOWN]


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Bitcoin surges to a new all-time high", Mood.POSITIVE),
        ("Bridge exploit drains funds", Mood.NEGATIVE),
        ("Token launch ends in a rug pull", Mood.NEGATIVE),
        ("Exchange publishes its report", Mood.UNKNOWN),
        ("The security token and its shares", Mood.UNKNOWN),
        ("Chainlink slips while traders take profit", Mood.NEGATIVE),
        ("Profit-taking hits Solana", Mood.NEGATIVE),
        ("The exchange reports a record profit", Mood.POSITIVE),
    ],
)
def test_the_word_list_knows_the_market(text: str, mood: Mood) -> None:
    assert mood_of(estimated(text, "en")) is mood


def test_the_word_list_is_english() -> None:
    assert estimated("Bitcoin crash", "de") is None


def entity(symbol: str = "CC:BTC", **changed: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "name": "",
        "type": "cryptocurrency",
        "match_score": 10.0,
        "sentiment_score": 0.5,
        "highlights": [{"highlight": "<em>it</em> rises", "sentiment": 0.5, "highlighted_in": "main_text"}],
    } | changed


def row(**changed: Any) -> dict[str, Any]:
    return {
        "uuid": UUIDS[0],
        "title": "A title",
        "description": "",
        "url": "https://news.example/a",
        "language": "en",
        "published_at": "2026-11-20T10:00:00.000000Z",
        "source": "news.example",
        "entities": [entity()],
        "similar": [],
    } | changed


def test_entities_that_mean_one_coin_are_one_mention(book: AssetBook) -> None:
    entities = [entity("BTC", match_score=30.0, sentiment_score=0.8), entity("BTCUSD", sentiment_score=0.0)]
    (one,) = articles([row(entities=entities)], book, NOON)
    (mention,) = one.mentions
    assert (mention.asset_id, mention.match, mention.symbol) == ("bitcoin", 40.0, "BTC")
    assert mention.sentiment == pytest.approx(0.6)
    assert mention.highlight == "it rises"
    assert (one.sentiment, one.basis) == (mention.sentiment, Basis.MARKETAUX)


def test_shares_have_no_say_in_the_mood_of_coins(book: AssetBook) -> None:
    share = entity("SUI", type="equity", match_score=90.0, sentiment_score=-0.9)
    (one,) = articles([row(entities=[entity(), share])], book, NOON)
    assert one.sentiment == 0.5
    assert [mention.asset_id for mention in one.mentions] == ["bitcoin"]


def test_neutral_null_and_nobody_are_three_things(book: AssetBook) -> None:
    rows = [
        row(uuid=UUIDS[0], entities=[entity(sentiment_score=0)]),
        row(uuid=UUIDS[1], entities=[entity(sentiment_score=None)], title="Bitcoin plunges"),
        row(uuid=UUIDS[2], entities=[], title="A report is published"),
    ]
    neutral, estimate, nothing = articles(rows, book, NOON)
    assert (neutral.sentiment, neutral.basis) == (0.0, Basis.MARKETAUX)
    assert estimate.basis is Basis.WORD_LIST
    assert estimate.sentiment is not None
    assert estimate.sentiment < 0
    assert [mention.asset_id for mention in estimate.mentions] == ["bitcoin"]
    assert (nothing.sentiment, nothing.basis, nothing.mentions) == (None, Basis.NONE, ())


def test_similar_articles_follow_the_one_that_stands_for_them(book: AssetBook) -> None:
    rows = [row(similar=[row(uuid=UUIDS[1]), row(uuid=UUIDS[2])]), row(uuid=UUIDS[2]), row()]
    found = articles(rows, book, NOON)
    main = UUID(UUIDS[0])
    assert [(str(one.id), one.similar_to) for one in found] == [
        (UUIDS[0], None),
        (UUIDS[2], None),
        (UUIDS[1], main),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"uuid": "none"},
        {"uuid": None},
        {"title": "<b></b>"},
        {"title": ["a"]},
        {"published_at": "yesterday"},
        {"published_at": None},
        {"published_at": (NOON + timedelta(days=2)).isoformat()},
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(book: AssetBook, bad: dict[str, Any]) -> None:
    assert articles([row(**bad)], book, NOON) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"entities": None},
        {"entities": ["BTC", 3, {}]},
        {"entities": [entity(match_score="much", sentiment_score=7)]},
        {"entities": [entity(highlights=[None, {"highlight": 5}])]},
        {"similar": "no"},
        {"url": "javascript:alert(1)"},
        {"language": None},
    ],
)
def test_odd_parts_do_not_lose_the_article(book: AssetBook, odd: dict[str, Any]) -> None:
    (one,) = articles([row(**odd)], book, NOON)
    assert one.sentiment is None or -1 <= one.sentiment <= 1
    assert not one.url.startswith("javascript")
