"""The indices Holdfast knows: versioned definitions, with the methodology in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from holdfast.core.errors import NotFound
from holdfast.indices.schemas import IndexKind

BITCOIN = "bitcoin"
ETHEREUM = "ethereum"


class Calendar(StrEnum):
    """When the members are chosen anew, at 00:00 UTC. What can no longer be traded leaves at once."""

    DAILY = "daily"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Dominance:
    """The share of ``numerator`` in the market cap of the ``count`` largest eligible coins."""

    numerator: str
    count: int


@dataclass(frozen=True, slots=True)
class Pair:
    """The price of ``numerator`` in units of ``denominator``."""

    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Basket:
    """The ``count`` largest eligible coins, none above ``cap``. The level starts at ``base``."""

    count: int
    cap: float
    base: float


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """``scale`` turns the raw level into ``unit`` (100 for a percentage)."""

    id: str
    name: str
    symbol: str
    unit: Literal["%", "ratio", "points"]
    scale: float
    version: str
    tagline: str
    rule: Dominance | Pair | Basket
    calendar: Calendar
    methodology: tuple[str, ...]

    @property
    def kind(self) -> IndexKind:
        return "basket" if isinstance(self.rule, Basket) else "ratio"


_ELIGIBILITY = (
    "A coin is eligible if it floats freely (pegged, wrapped and staked coins are left out), has a USDT "
    "perpetual at Bybit that trades normally, and if Bybit's price agrees with CoinGecko's within 10 %."
)
_LIVE = (
    "Market cap is circulating supply times live price: supplies come from CoinGecko every few "
    "minutes, prices from Bybit several times a second. If an input is late or contradicts another, "
    "the index is shown as stale and cannot be traded until it has recovered."
)
_FUNDING = (
    "The coins are held as USDT perpetuals without leverage. Every few hours each of them pays or receives "
    "funding, which adds to or takes from the result and is shown separately, as are trading fees."
)
_FIRST_ORDER = (
    "The weights are exact when the position is opened. As prices move they drift, so a large move of the "
    "index is followed approximately; the drift is shown on the position."
)


def _dominance(asset_id: str, coin: str, ticker: str, tagline: str) -> IndexDefinition:
    return IndexDefinition(
        id=f"{ticker.lower()}-d",
        name=f"{coin} dominance",
        symbol=f"{ticker}.D",
        unit="%",
        scale=100.0,
        version="1",
        tagline=tagline,
        rule=Dominance(numerator=asset_id, count=11),
        calendar=Calendar.DAILY,
        methodology=(
            f"{ticker}.D is {coin}'s share of the market cap of the 11 largest eligible coins, in percent.",
            _ELIGIBILITY,
            "The 11 members are chosen once a day at 00:00 UTC from that moment's market caps.",
            _LIVE,
            f"A long position buys {coin} and sells the other ten coins in proportion to their market caps, "
            "for the same amount of money on both sides: at a level of 60 %, a size of 1,000 USDT buys and "
            "sells 400 USDT each, the part of the universe the coin is not.",
            "It gains when the share rises, whether the market as a whole goes up or down: if the level goes "
            "up by 1 % of itself, 1,000 USDT of size gain about 10 USDT. A short position is the reverse.",
            _FIRST_ORDER,
            _FUNDING,
            "It differs from the dominance figures of other sites, which also count stablecoins, "
            "wrapped coins and thousands of small coins that cannot be traded here.",
        ),
    )


DEFINITIONS: dict[str, IndexDefinition] = {
    definition.id: definition
    for definition in (
        _dominance(BITCOIN, "Bitcoin", "BTC", "Bitcoin against the ten largest other coins."),
        _dominance(ETHEREUM, "Ethereum", "ETH", "Ethereum against the ten largest other coins."),
        IndexDefinition(
            id="eth-btc",
            name="Ethereum against Bitcoin",
            symbol="ETH/BTC",
            unit="ratio",
            scale=1.0,
            version="1",
            tagline="One ether, priced in bitcoin.",
            rule=Pair(numerator=ETHEREUM, denominator=BITCOIN),
            calendar=Calendar.DAILY,
            methodology=(
                "ETH/BTC is the price of one ether in bitcoin, from Bybit's live USDT perpetual "
                "prices of both coins.",
                "If a price is late or contradicts CoinGecko's by more than 10 %, the index is shown "
                "as stale and cannot be traded until it has recovered.",
                "A long position buys ether and sells bitcoin for the same amount of money. It gains "
                "when ether does better than bitcoin, whether both go up or down: if the level goes "
                "up by 1 %, 1,000 USDT of size gain about 10 USDT. A short position is the reverse.",
                _FIRST_ORDER,
                _FUNDING,
            ),
        ),
        IndexDefinition(
            id="top-10",
            name="Top 10",
            symbol="TOP10",
            unit="points",
            scale=1.0,
            version="1",
            tagline="The ten largest coins by market cap, none above 30 %.",
            rule=Basket(count=10, cap=0.30, base=1000.0),
            calendar=Calendar.MONTHLY,
            methodology=(
                "TOP10 holds the 10 largest eligible coins by market cap. A coin above 30 % is cut "
                "to 30 % and the excess is spread over the others in proportion to their market caps.",
                _ELIGIBILITY,
                "Members and quantities are chosen on the first day of each month at 00:00 UTC and "
                "stay fixed until the next, so weights drift with prices in between. The level "
                "started at 1,000 points when this installation first computed it; a divisor keeps "
                "it continuous when members change.",
                _LIVE,
                "A position buys every coin at its present weight and gains or loses what the basket "
                "does: if the level goes up by 1 %, 1,000 USDT of size gain about 10 USDT. It can "
                "only be held long.",
                "A position keeps the quantities it was opened with. It does not follow later "
                "changes of the members.",
                _FUNDING,
            ),
        ),
    )
}


def definition_of(index_id: str) -> IndexDefinition:
    """Raises ``NotFound`` for an unknown id."""
    definition = DEFINITIONS.get(index_id)
    if definition is None:
        raise NotFound(
            f"There is no index called {index_id!r}.", advice=f"The indices are {', '.join(DEFINITIONS)}."
        )
    return definition
