"""Every index, live, from memory: supplies of the last poll times the venue's latest prices."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.targets import Target, TargetSet
from holdfast.indices import repository, universe
from holdfast.indices.catalogue import DEFINITIONS, IndexDefinition, definition_of
from holdfast.indices.minimum import SizedLeg, minimum_size
from holdfast.indices.reviewed import listings
from holdfast.indices.schemas import (
    ExcludedAsset,
    IndexDetail,
    IndexMember,
    IndexSummary,
    LevelTick,
    MinimumSize,
)
from holdfast.indices.universe import Coin, untradable_reason
from holdfast.indices.valuation import Composition, Valuation, coin_price, value
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard

LEAST_CAPS_LIMIT = timedelta(minutes=15)
SPARK_POINTS = 48
SPARK_EVERY = timedelta(minutes=1)
DAY = timedelta(days=1)

NOT_ARRIVED = "Market caps have not arrived from CoinGecko yet."
NOT_CHOSEN = "The members of this index have not been chosen yet."
INCOMPLETE = "A price or a supply of one of the members is missing."


@dataclass(slots=True)
class _Known:
    """What was last read from the database."""

    polled_at: datetime | None = None
    newest: datetime | None = None
    """The newest moment any coin's figures are of, on CoinGecko's clock."""
    coins: dict[str, Coin] = field(default_factory=dict)
    compositions: dict[str, Composition] = field(default_factory=dict)
    sparks: dict[str, list[float]] = field(default_factory=dict)
    sparks_at: datetime | None = None


class IndexBoard:
    """One per process. ``poll_seconds`` is how often market caps are expected."""

    def __init__(self, quotes: QuoteBoard, instruments: InstrumentBook, *, poll_seconds: int = 300) -> None:
        self._quotes = quotes
        self._instruments = instruments
        self._caps_limit = max(LEAST_CAPS_LIMIT, 3 * timedelta(seconds=poll_seconds))
        self._known = _Known()

    async def refresh(self, session: AsyncSession, now: datetime) -> None:
        """Read what has changed in the database: instruments, market caps, members, the last day's levels."""
        await self._instruments.refresh(session)
        known = self._known
        polled_at = await repository.last_poll(session)
        if polled_at != known.polled_at:
            coins = await repository.coins(session)
            self.take(coins, await repository.current_compositions(session), polled_at)
        if known.sparks_at is None or now - known.sparks_at >= SPARK_EVERY:
            step = DAY / SPARK_POINTS
            for index_id in DEFINITIONS:
                points = await repository.levels(session, index_id, now - DAY, now, step)
                known.sparks[index_id] = [level for _, level in points]
            known.sparks_at = now

    def take(
        self, coins: dict[str, Coin], compositions: dict[str, Composition], polled_at: datetime | None
    ) -> None:
        """Work with these coins and members from now on."""
        known = self._known
        known.coins, known.compositions, known.polled_at = coins, compositions, polled_at
        known.newest = max((coin.source_at for coin in coins.values()), default=None)

    def asset(self, asset_id: str) -> tuple[str, str]:
        """Name and ticker of an asset; its id where nothing else is known."""
        coin = self._known.coins.get(asset_id)
        return (coin.name, coin.ticker) if coin else (asset_id, asset_id.upper())

    def targets(self, index_id: str, now: datetime) -> TargetSet:
        """The weights of a long position. Without any inputs: no targets, and a reason.

        Raises:
            NotFound: there is no such index.
        """
        definition = definition_of(index_id)
        composition, valuation = self._valuation(definition, now)
        if composition is None or valuation is None:
            return TargetSet(
                index_id, definition.version, now, 0.0, (), self._stale_reason(composition, None, now)
            )
        targets = tuple(
            Target(member.asset_id, member.symbol, float(weight), float(price) * member.multiplier)
            for member, weight, price in zip(
                composition.members, valuation.weights, valuation.prices, strict=True
            )
        )
        return TargetSet(
            source_id=index_id,
            source_version=f"{composition.version}/{composition.effective_at:%Y-%m-%dT%H:%M:%SZ}",
            as_of=valuation.as_of,
            level=valuation.level,
            targets=targets,
            stale_reason=self._stale_reason(composition, valuation, now),
        )

    def level(self, index_id: str, now: datetime) -> LevelTick:
        """The level as it is pushed. Raises ``NotFound``."""
        composition, valuation = self._valuation(definition_of(index_id), now)
        stale_reason = self._stale_reason(composition, valuation, now)
        if composition is None or valuation is None:
            return LevelTick(
                index_id=index_id,
                level=None,
                change_24h=None,
                as_of=None,
                stale_reason=stale_reason,
                members={},
            )
        return LevelTick(
            index_id=index_id,
            level=valuation.level,
            change_24h=valuation.change_24h,
            as_of=valuation.as_of,
            stale_reason=stale_reason,
            members={
                m.asset_id: float(p) for m, p in zip(composition.members, valuation.prices, strict=True)
            },
        )

    def summary(self, index_id: str, now: datetime) -> IndexSummary:
        """Raises ``NotFound``."""
        definition = definition_of(index_id)
        tick = self.level(index_id, now)
        composition = self._known.compositions.get(index_id)
        return IndexSummary(
            id=definition.id,
            name=definition.name,
            symbol=definition.symbol,
            kind=definition.kind,
            unit=definition.unit,
            tagline=definition.tagline,
            level=tick.level,
            change_24h=tick.change_24h,
            as_of=tick.as_of,
            stale_reason=tick.stale_reason,
            spark=self._known.sparks.get(index_id, []),
            member_count=len(composition.members) if composition else 0,
        )

    def summaries(self, now: datetime) -> list[IndexSummary]:
        return [self.summary(index_id, now) for index_id in DEFINITIONS]

    def detail(self, index_id: str, now: datetime) -> IndexDetail:
        """Raises ``NotFound``."""
        definition = definition_of(index_id)
        composition, valuation = self._valuation(definition, now)
        members = self._members(composition, valuation)
        weights = [member.weight for member in members if member.weight is not None]
        return IndexDetail(
            **self.summary(index_id, now).model_dump(),
            version=definition.version,
            methodology=list(definition.methodology),
            gross_per_unit=sum(map(abs, weights)) if weights else None,
            members=members,
            excluded=self._excluded(composition),
            minimum=self._minimum(composition, valuation),
        )

    def minimum(self, index_id: str) -> MinimumSize | None:
        """The least sizes at present prices; ``None`` until inputs have arrived. Raises ``NotFound``."""
        return self._minimum(*self._valuation(definition_of(index_id), None))

    def _valuation(
        self, definition: IndexDefinition, now: datetime | None
    ) -> tuple[Composition | None, Valuation | None]:
        composition = self._known.compositions.get(definition.id)
        coins = self._known.coins
        if composition is None or any(member.asset_id not in coins for member in composition.members):
            return None, None
        prices = []
        for member in composition.members:
            quote = self._quotes.get(member.symbol)
            prices.append(
                coin_price(
                    coins[member.asset_id],
                    member,
                    float(quote.mid) if quote else None,
                    float(quote.prev_24h) if quote else None,
                    quote.at if quote else None,
                    now,
                )
            )
        try:
            return composition, value(definition, composition, coins, prices)
        except ValueError:
            return composition, None

    def _stale_reason(
        self, composition: Composition | None, valuation: Valuation | None, now: datetime
    ) -> str:
        """What is wrong with the inputs, naming the first; "" if nothing is."""
        if self._known.polled_at is None:
            return NOT_ARRIVED
        if composition is None:
            return NOT_CHOSEN
        if valuation is None:
            return INCOMPLETE
        minutes = self._caps_limit.total_seconds() / 60
        if now - self._known.polled_at > self._caps_limit:
            return f"CoinGecko's market caps are more than {minutes:.0f} minutes old."
        coins = [self._known.coins[member.asset_id] for member in composition.members]
        troubles = []
        for member, coin, trouble in zip(composition.members, coins, valuation.troubles, strict=True):
            untradable = untradable_reason(member.symbol, self._instruments.get(member.symbol))
            if untradable:
                troubles.append(f"{coin.name}: {untradable}.")
            elif self._is_behind(coin):
                troubles.append(
                    f"CoinGecko's figures of {coin.name} are more than {minutes:.0f} minutes old."
                )
            elif trouble:
                troubles.append(trouble)
        if not troubles:
            return ""
        more = f" {len(troubles) - 1} more inputs are affected." if len(troubles) > 1 else ""
        return troubles[0] + more

    def _is_behind(self, coin: Coin) -> bool:
        """Whether CoinGecko stopped updating this coin, measured against its newest coin and not our clock,
        or lists it no longer."""
        newest, polled_at = self._known.newest, self._known.polled_at
        if newest is None or polled_at is None:
            return True
        return newest - coin.source_at > self._caps_limit or polled_at - coin.fetched_at > self._caps_limit

    def _members(self, composition: Composition | None, valuation: Valuation | None) -> list[IndexMember]:
        members = []
        for position, member in enumerate(composition.members if composition else ()):
            coin = self._known.coins[member.asset_id]
            quote = self._quotes.get(member.symbol)
            price = float(valuation.prices[position]) if valuation else None
            members.append(
                IndexMember(
                    asset_id=member.asset_id,
                    name=coin.name,
                    ticker=coin.ticker,
                    symbol=member.symbol,
                    share=float(valuation.shares[position]) if valuation else None,
                    weight=float(valuation.weights[position]) if valuation else None,
                    price=price,
                    change_24h=float(quote.mid / quote.prev_24h) - 1 if quote and quote.prev_24h else None,
                    market_cap=coin.supply * price if coin.supply and price else coin.market_cap,
                    stale=bool(valuation.troubles[position]) if valuation else True,
                )
            )
        return members

    def _excluded(self, composition: Composition | None) -> list[ExcludedAsset]:
        """The coins that are larger than the smallest member and yet no members, and why."""
        if composition is None:
            return []
        member_ids = {member.asset_id for member in composition.members}
        coins = self._known.coins
        smallest = min((coins[i].market_cap or 0.0) for i in member_ids)
        larger = [
            c for c in coins.values() if (c.market_cap or 0.0) >= smallest and c.asset_id not in member_ids
        ]
        excluded = []
        for coin in sorted(larger, key=lambda c: -(c.market_cap or 0.0)):
            reason = self.ineligible_reason(coin)
            excluded.append(
                ExcludedAsset(
                    asset_id=coin.asset_id,
                    name=coin.name,
                    ticker=coin.ticker,
                    reason=reason or "eligible, but smaller when the members were chosen",
                )
            )
        return excluded

    def ineligible_reason(self, coin: Coin) -> str:
        """Why an index may not hold this coin now; "" if it may."""
        listing = listings().get(coin.asset_id)
        quote = self._quotes.get(listing.symbol) if listing else None
        instrument = self._instruments.get(listing.symbol) if listing else None
        return universe.ineligible_reason(coin, listing, instrument, float(quote.mid) if quote else None)

    def _minimum(self, composition: Composition | None, valuation: Valuation | None) -> MinimumSize | None:
        if composition is None or valuation is None:
            return None
        legs = []
        for member, weight in zip(composition.members, valuation.weights, strict=True):
            instrument = self._instruments.get(member.symbol)
            quote = self._quotes.get(member.symbol)
            if instrument is None or quote is None or quote.mid <= 0:
                return None
            legs.append(SizedLeg(self.asset(member.asset_id)[0], float(weight), quote.mid, instrument))
        return minimum_size(legs)
