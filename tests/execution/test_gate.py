"""The gate at each of its places: confirming, the last look, and sending. What is refused trades nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import select, update
from tests.execution.conftest import LEGS, NOW, Desk, connection_row, opposite, quote_of
from tests.execution.test_reconcile import reconciled

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution.models import Execution, Order
from holdfast.execution.risk import gate, gate_books, stops
from holdfast.execution.risk import service as risk_service
from holdfast.execution.risk.gate import OverLimit
from holdfast.execution.risk.models import RiskMark
from holdfast.execution.risk.schemas import Limits, NewStop
from holdfast.market.quotes import LAST_KEY, LiveQuote, encode
from holdfast.portfolio.models import BalanceSnapshot, Sleeve
from holdfast.portfolio.schemas import PlanView, TacticView
from holdfast.venues.protocol import AccountInfo

D = Decimal
TWAP = TacticView(kind="twap", seconds=40, slices=4)
WHOLE = Decimal("280")
"""1.6 + 0.8 + 0.4 at 100."""


async def limit(desk: Desk, sleeve_id: UUID | None = None, **limits: object) -> None:
    async with desk.database.transaction() as session:
        sleeve = await session.get(Sleeve, sleeve_id) if sleeve_id else None
        await risk_service.set_limits(
            session,
            desk.user_id,
            sleeve,
            Limits.model_validate(limits),
            settings=desk.work.settings,
            now=desk.clock.now(),
        )


async def orders_of(desk: Desk) -> list[Order]:
    async with desk.database.sessions() as session:
        return list(await session.scalars(select(Order).order_by(Order.created_at, Order.leg)))


async def usage(desk: Desk):
    async with desk.database.sessions() as session:
        view = await risk_service.users_limits(
            session, desk.user_id, settings=desk.work.settings, quote_of=quote_of, now=desk.clock.now()
        )
    return view.usage


# --- when it is previewed and confirmed ------------------------------------------------------------------


async def test_a_plan_beyond_a_limit_is_refused_when_it_is_confirmed(desk: Desk):
    await limit(desk, gross_notional="279.99")
    with pytest.raises(OverLimit, match=r"up to 28\d\.\d\d USDT, and the limit is 279.99"):
        await desk.confirm(await desk.plan())
    assert await orders_of(desk) == []


async def test_the_preview_says_what_confirming_would_refuse(desk: Desk):
    await limit(desk, order_notional="100")
    judge = gate.judge_with(desk.work.settings, quote_of)
    shown = PlanView.model_validate((await desk.plan()).body)
    async with desk.database.sessions() as session:
        problems = await judge(session, desk.user_id, shown, desk.clock.now())
    assert len(problems) == 1
    assert "BTCUSDT is worth 160.80 USDT, and your limit for one order is 100.00 USDT" in problems[0]


@pytest.mark.parametrize(("mode", "words"), [("portfolio", "portfolio margin mode"), ("isolated", "")])
async def test_the_preview_says_what_stands_against_the_account(desk: Desk, mode: str, words: str):
    judge = gate.judge_with(desk.work.settings, quote_of)
    shown = PlanView.model_validate((await desk.plan()).body)
    desk.venue.account = AccountInfo(True, mode)
    await reconciled(desk)
    async with desk.database.transaction() as session:
        problems = await judge(session, desk.user_id, shown, desk.clock.now())
    assert [words in problem for problem in problems] == ([True] if words else [])


async def test_what_is_confirmed_and_not_sent_counts_already(desk: Desk):
    await limit(desk, gross_notional="400")
    await desk.confirm(await desk.plan())
    with pytest.raises(OverLimit, match="all your positions together"):
        await desk.confirm(await desk.plan())


async def test_slices_still_to_come_count_already(desk: Desk):
    await limit(desk, gross_notional="400")
    execution_id = await desk.confirm(await desk.plan(tactic=TWAP, slices=4))
    for rounds in (0, 1):
        if rounds:
            assert (await desk.run(execution_id, rounds=rounds)).state == "running"
        with pytest.raises(OverLimit, match="all your positions together"):
            await desk.confirm(await desk.plan())
        assert 280 <= (await usage(desk)).gross_notional < 285
    assert (await desk.run(execution_id, rounds=60)).state == "complete"
    assert 280 <= (await usage(desk)).gross_notional < 285


async def test_two_confirmations_at_once_cannot_pass_a_limit_together(desk: Desk):
    await limit(desk, gross_notional="400")
    plans = [await desk.plan() for _ in range(3)]
    ended = await asyncio.gather(*(desk.confirm(plan) for plan in plans), return_exceptions=True)
    assert sum(isinstance(one, UUID) for one in ended) == 1
    assert sum(isinstance(one, OverLimit) for one in ended) == 2


async def test_another_users_limits_and_positions_count_for_nothing_here(desk: Desk):
    await desk.run(await desk.confirm(await desk.plan()))
    async with desk.database.sessions() as session:
        nobody = await gate_books.exposure_of(session, uuid4(), now=desk.clock.now(), reserve=True)
    assert nobody.stakes == {}


# --- before the first order ------------------------------------------------------------------------------


async def test_a_limit_set_after_confirming_ends_it_with_nothing_traded(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    await limit(desk, sleeve_notional="200")
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert "this position would be worth up to" in execution.reason
    assert "Nothing was traded" in execution.reason
    assert desk.venue.placed == []


async def test_old_prices_are_read_from_the_venue_before_the_first_order(desk: Desk):
    old = replace(quote_of("BTCUSDT"), mark=D(1), at=desk.clock.now() - timedelta(hours=1))
    await desk.work.redis.hset(LAST_KEY, "BTCUSDT", orjson.dumps(encode(old)))
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"


async def test_without_any_fresh_price_nothing_new_is_opened(desk: Desk):
    async def nothing(_kind):
        return []

    desk.venue.quotes = nothing  # type: ignore[method-assign]
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    assert "There is no price of BTCUSDT" in execution.reason
    assert desk.venue.placed == []


async def test_old_books_are_compared_before_something_new_is_opened(desk: Desk):
    await desk.run(await desk.confirm(await desk.plan()))
    await desk.clock.sleep(3600)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"


async def test_a_price_without_an_index_is_read_from_the_venue_before_the_first_order(desk: Desk):
    """There is a limit on how far from the index an order may be: nothing is begun that it cannot judge."""
    for symbol, _, _ in LEGS:
        told = replace(quote_of(symbol), index=D(0) if symbol == "BTCUSDT" else D(100))
        await desk.work.redis.hset(LAST_KEY, symbol, orjson.dumps(encode(told)))
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"
    assert gate.quotes_of(desk.work).get("BTCUSDT").index == D(100)


async def test_without_an_index_nothing_new_is_begun(desk: Desk):
    quotes = desk.venue.quotes

    async def without(kind):
        return [replace(quote, index=D(0)) for quote in await quotes(kind)]

    desk.venue.quotes = without  # type: ignore[method-assign]
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    assert "There is no index price of BTCUSDT" in execution.reason
    assert desk.venue.placed == []


async def judged(
    desk: Desk, quotes: dict[str, LiveQuote], *, books_old: timedelta = timedelta(0)
) -> set[str]:
    """What the transaction of sending says of a plan's first orders."""
    execution_id = await desk.confirm(await desk.plan())
    work = replace(desk.work, services={})
    for symbol, _, _ in LEGS:
        gate.quotes_of(work).put(quotes.get(symbol, quote_of(symbol)))
    async with desk.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        rows = await session.scalars(select(Order).where(Order.execution_id == execution_id))
        connection = await session.get_one(Connection, desk.connection_id)
        connection.reconciled_at = desk.clock.now() - books_old
        refused = await gate.refusals(session, work, execution, list(rows))
        await session.rollback()
    return {reason for reason in refused.values() if not reason.startswith("Not sent, because")}


def far(**prices: str) -> dict[str, LiveQuote]:
    """BTC at 100 by all but these prices; its order buys for up to 100.5, ten per cent are allowed."""
    return {"BTCUSDT": replace(quote_of("BTCUSDT"), **{name: D(value) for name, value in prices.items()})}


async def test_the_band_is_around_the_index_when_orders_are_sent(desk: Desk):
    assert await judged(desk, far(mark="70")) == set()
    (reason,) = await judged(desk, far(index="90"))
    assert "11.67 % above the index price of 90, and your limit is 10 %" in reason


async def test_the_band_is_around_the_index_when_a_plan_is_confirmed(desk: Desk):
    async def confirm(**prices: str) -> UUID:
        return await desk.confirm(
            await desk.plan(), quote_of=lambda symbol: far(**prices).get(symbol, quote_of(symbol))
        )

    assert await confirm(mark="70")
    with pytest.raises(OverLimit, match="above the index price of 90"):
        await confirm(index="90")


async def test_a_price_just_too_old_sends_no_first_order(desk: Desk):
    def since(seconds: float) -> dict[str, LiveQuote]:
        return {"BTCUSDT": replace(quote_of("BTCUSDT"), at=desk.clock.now() - timedelta(seconds=seconds))}

    assert await judged(desk, since(30)) == set()
    (reason,) = await judged(desk, since(31))
    assert "The price of BTCUSDT is 31 s old" in reason


async def test_books_just_too_old_send_no_first_order(desk: Desk):
    assert await judged(desk, {}, books_old=timedelta(minutes=5)) == set()
    (reason,) = await judged(desk, {}, books_old=timedelta(minutes=6))
    assert "last compared with Bybit 6 minutes ago" in reason


async def test_books_never_compared_send_no_first_order(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    for symbol, _, _ in LEGS:
        gate.quotes_of(desk.work).put(quote_of(symbol))
    async with desk.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        refused = await gate.refusals(
            session, desk.work, execution, list(await session.scalars(select(Order)))
        )
    assert "were not compared with Bybit yet" in "".join(refused.values())


# --- when orders are sent --------------------------------------------------------------------------------


async def test_a_limit_that_tightens_after_the_first_orders_takes_everything_back(desk: Desk):
    desk.venue.script = {"ETHUSDT": ["half"]}
    place = desk.venue.place

    async def then_tighter(requests):
        answers = await place(requests)
        await limit(desk, gross_notional="10")
        return answers

    desk.venue.place = then_tighter  # type: ignore[method-assign]
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    forbidden = [order for order in await orders_of(desk) if order.reject_code == gate.REJECT_CODE]
    assert [order.symbol for order in forbidden] == ["ETHUSDT"]
    assert "the limit is 10.00" in forbidden[0].reject_reason
    assert forbidden[0].client_id not in {request.client_id for request in desk.venue.placed}
    assert {symbol: desk.venue.net(symbol) for symbol, _, _ in LEGS} == dict.fromkeys(
        (symbol for symbol, _, _ in LEGS), D(0)
    )


async def test_closing_passes_every_limit(desk: Desk):
    opened = await desk.run(await desk.confirm(await desk.plan()))
    await limit(desk, gross_notional="1", order_notional="1", orders_per_minute=1, daily_loss="0.01")
    closed = await desk.run(
        await desk.confirm(await desk.plan(kind="close", sleeve_id=opened.sleeve_id, legs=opposite()))
    )
    assert closed.state == "complete"


async def test_orders_of_one_opening_are_sent_all_or_none(desk: Desk):
    """The third leg alone would pass a limit set for its instrument."""
    execution_id = await desk.confirm(await desk.plan())
    async with desk.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        rows = list(await session.scalars(select(Order).order_by(Order.leg)))
        rows[2].quantity = D(10**9)
        work = replace(desk.work, services={})
        for symbol, _, _ in LEGS:
            gate.quotes_of(work).put(quote_of(symbol))
        connection = await session.get_one(Connection, desk.connection_id)
        connection.reconciled_at = desk.clock.now()
        refused = await gate.refusals(session, work, execution, rows)
        ids = [row.id for row in rows]
        await session.rollback()
    assert refused.keys() == set(ids)
    assert refused[ids[0]].startswith("Not sent, because the plan would not be whole")


async def test_the_rate_of_orders_is_counted_over_a_minute(desk: Desk):
    await limit(desk, orders_per_minute=5)
    await desk.run(await desk.confirm(await desk.plan()))
    with pytest.raises(OverLimit, match="orders were sent within the last minute"):
        await desk.confirm(await desk.plan())
    await desk.clock.sleep(61)
    assert (await desk.run(await desk.confirm(await desk.plan()))).state == "complete"


async def test_a_rate_met_half_way_puts_off_and_takes_nothing_back(desk: Desk):
    """Three legs of which two need a second order, and room for four orders a minute."""
    await limit(desk, orders_per_minute=4)
    desk.venue.script = {"ETHUSDT": ["half"], "XRPUSDT": ["half"]}
    begun = desk.clock.now()
    execution = await desk.run(await desk.confirm(await desk.plan()))
    rows = await orders_of(desk)
    assert execution.state == "complete"
    assert [order for order in rows if order.state == "rejected"] == []
    assert {symbol: desk.venue.net(symbol) for symbol, _, _ in LEGS} == {
        symbol: side.sign * D(quantity) for symbol, side, quantity in LEGS
    }
    sent = sorted(order.sent_at for order in rows if order.sent_at)
    assert len(sent) == 5
    assert sent[3] - begun < timedelta(seconds=10), "what fits is not kept waiting"
    assert sent[4] - sent[0] >= timedelta(minutes=1)


async def test_what_is_put_off_for_the_rate_is_taken_back_by_a_stop(desk: Desk):
    await limit(desk, orders_per_minute=3)
    desk.venue.script = {"ETHUSDT": ["half"]}
    execution = await desk.run(await desk.confirm(await desk.plan()), rounds=2)
    assert execution.state == "running"
    async with desk.database.transaction() as session:
        await stops.stop(session, desk.user_id, NewStop(scope="user"), by="you", now=desk.clock.now())
    execution = await desk.run(execution.id)
    assert execution.state == "unwound"
    assert not any(desk.venue.net(symbol) for symbol, _, _ in LEGS)


async def test_a_rate_met_half_way_forgives_no_other_limit(desk: Desk):
    """Both are passed: then it is taken back at once, not after a minute."""
    desk.venue.script = {"ETHUSDT": ["half"]}
    place = desk.venue.place

    async def then_tighter(requests):
        answers = await place(requests)
        await limit(desk, gross_notional="10", orders_per_minute=3)
        return answers

    desk.venue.place = then_tighter  # type: ignore[method-assign]
    begun = desk.clock.now()
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    assert desk.clock.now() - begun < timedelta(seconds=30)


async def sent_lately(desk: Desk) -> None:
    """One order within the last minute."""
    assert (await desk.run(await desk.confirm(await desk.plan(legs=LEGS[:1])))).state == "complete"


async def test_a_leg_that_rests_counts_as_often_as_it_follows_the_market(desk: Desk):
    """Each of three legs may send 25 in a minute: a look every 2.5 seconds, and the one that takes."""
    passive = {"tactic": TacticView(kind="passive", seconds=600), "slices": 4}
    await sent_lately(desk)
    await limit(desk, orders_per_minute=75)
    with pytest.raises(OverLimit, match="This leg may send 25 a minute"):
        await desk.confirm(await desk.plan(**passive))
    await limit(desk, orders_per_minute=76)
    await desk.confirm(await desk.plan(**passive))


async def test_a_leg_that_rests_shortly_counts_shortly(desk: Desk):
    await sent_lately(desk)
    await limit(desk, orders_per_minute=12)
    passive = TacticView(kind="passive", seconds=5)
    with pytest.raises(OverLimit, match="This leg may send 4 a minute"):
        await desk.confirm(await desk.plan(tactic=passive, slices=4))
    await limit(desk, orders_per_minute=13)
    await desk.confirm(await desk.plan(tactic=passive, slices=4))


@pytest.mark.parametrize("own", [3, 20, 74])
async def test_a_slow_plan_is_never_refused_for_ever_by_the_rate(desk: Desk, own: int):
    """What it would send beyond the limit only waits, once it has begun."""
    await limit(desk, orders_per_minute=own)
    passive = {"tactic": TacticView(kind="passive", seconds=60), "slices": 4}
    execution = await desk.run(await desk.confirm(await desk.plan(**passive)), rounds=200)
    assert execution.state == "complete", execution.reason


async def test_a_plan_of_more_legs_than_orders_a_minute_says_that_waiting_is_no_use(desk: Desk):
    await limit(desk, orders_per_minute=2)
    with pytest.raises(OverLimit, match="begins with 3 orders at once, and the limit is 2 a minute"):
        await desk.confirm(await desk.plan(tactic=TacticView(kind="passive", seconds=60)))


# --- losses and usage ------------------------------------------------------------------------------------


def board(prices: dict[str, str], at):
    def quote(symbol: str):
        return replace(quote_of(symbol), mark=D(prices.get(symbol, "100")), at=at)

    return quote


async def observe(desk: Desk, prices: dict[str, str]) -> None:
    async with desk.database.transaction() as session:
        now = desk.clock.now()
        await gate_books.observe(session, desk.user_id, quote_of=board(prices, now), now=now)


async def results(desk: Desk, prices: dict[str, str]):
    async with desk.database.sessions() as session:
        now = desk.clock.now()
        exposure = await gate_books.exposure_of(session, desk.user_id, now=now, reserve=False)
        return await gate_books.situation_of(
            session,
            desk.user_id,
            settings=desk.work.settings,
            quote_of=board(prices, now),
            exposure=exposure,
            now=now,
        )


async def test_the_day_begins_at_midnight_utc_with_what_was_seen_last(desk: Desk):
    opened = await desk.run(await desk.confirm(await desk.plan()))
    entry = D("1.6") * D("100.5") - D("0.8") * D("99.5") - D("0.4") * D("99.5")
    fees = D("0.00055") * (D("1.6") * D("100.5") + D("1.2") * D("99.5"))
    worth = D("1.6") * 90 - D("1.2") * 100
    state = await results(desk, {"BTCUSDT": "90"})
    assert state.results[opened.sleeve_id].day_pnl == worth - entry - fees == state.result.day_pnl
    await observe(desk, {"BTCUSDT": "90"})
    desk.clock.moment = (NOW + timedelta(days=1)).replace(hour=0, minute=0, second=1)
    assert (await results(desk, {"BTCUSDT": "90"})).result.day_pnl == 0
    await observe(desk, {"BTCUSDT": "85"})
    assert (await results(desk, {"BTCUSDT": "80"})).result.day_pnl == D("1.6") * -10
    await limit(desk, daily_loss="16")
    assert "lost 16.00 USDT since 00:00 UTC" in gate.losses(await results(desk, {"BTCUSDT": "80"}), None)
    assert gate.losses(await results(desk, {"BTCUSDT": "80.1"}), None) == ""


async def test_the_peak_is_kept_and_counted_anew_when_the_limit_is_set(desk: Desk):
    opened = await desk.run(await desk.confirm(await desk.plan()))
    await observe(desk, {"BTCUSDT": "150"})
    await observe(desk, {"BTCUSDT": "100"})
    fallen = (await results(desk, {"BTCUSDT": "100"})).results[opened.sleeve_id]
    assert fallen.peak is not None
    assert fallen.equity is not None
    assert fallen.peak - fallen.equity == D("1.6") * 50
    await limit(desk, opened.sleeve_id, drawdown="0.1")
    assert (await results(desk, {"BTCUSDT": "100"})).results[opened.sleeve_id].drawdown == 0
    async with desk.database.sessions() as session:
        mark = await session.scalar(select(RiskMark).where(RiskMark.sleeve_id == opened.sleeve_id))
    assert mark is not None
    assert mark.day_value == 0, "the day goes on"


async def test_another_limit_that_is_set_forgives_no_drawdown(desk: Desk):
    opened = await desk.run(await desk.confirm(await desk.plan()))
    await limit(desk, opened.sleeve_id, drawdown="0.1")
    await observe(desk, {"BTCUSDT": "150"})
    await observe(desk, {"BTCUSDT": "100"})

    async def fallen() -> Decimal | None:
        return (await results(desk, {"BTCUSDT": "100"})).results[opened.sleeve_id].drawdown

    before = await fallen()
    assert before
    await limit(desk, opened.sleeve_id, drawdown="0.1", daily_loss="500")
    assert await fallen() == before
    await limit(desk, opened.sleeve_id, drawdown="0.1", daily_loss="500")
    assert await fallen() == 0, "setting it all once more is how it is counted anew"


async def test_a_user_cannot_reset_the_installations_drawdown(desk: Desk):
    """Setting a limit of one's own counts that anew, and forgives nothing of the installation's."""
    await desk.run(await desk.confirm(await desk.plan()))
    await observe(desk, {})
    peak = desk.venue.available
    await set_equity(desk, peak * D("0.4"))
    await observe(desk, {})
    assert (await usage(desk)).drawdown == D("0.6")
    for share in ("0.5", "0.4"):
        await limit(desk, drawdown=share)
        with pytest.raises(OverLimit, match="limit of this installation is 50 %"):
            await desk.confirm(await desk.plan())
    shown = await usage(desk)
    assert (shown.peak, shown.drawdown) == (peak * D("0.4"), 0), "of the limit of one's own"
    await limit(desk)
    shown = await usage(desk)
    assert (shown.peak, shown.drawdown) == (peak, D("0.6")), "of the one that counts"
    async with desk.database.transaction() as session:
        counted = await gate_books.count_operators_peak_anew(session, desk.user_id, now=desk.clock.now())
    assert counted == peak * D("0.4")
    await desk.confirm(await desk.plan())


async def test_an_account_that_is_disconnected_counts_until_the_limit_is_set_again(desk: Desk):
    await desk.run(await desk.confirm(await desk.plan()))
    other, whole = uuid4(), desk.venue.available
    async with desk.database.transaction() as session:
        session.add(connection_row(other, desk.user_id))
        await session.flush()
        session.add(
            BalanceSnapshot(
                connection_id=other,
                equity=whole,
                wallet=whole,
                available=whole,
                initial_margin=D(0),
                maintenance_rate=D(0),
                taken_at=desk.clock.now(),
            )
        )
    await observe(desk, {})
    async with desk.database.transaction() as session:
        (await session.get_one(Connection, other)).deleted_at = desk.clock.now()
    await observe(desk, {})
    assert (await usage(desk)).drawdown == D("0.5")
    await limit(desk, drawdown="0.4")
    assert (await results(desk, {})).result.drawdown == 0


async def set_equity(desk: Desk, equity: Decimal) -> None:
    async with desk.database.transaction() as session:
        await session.execute(
            update(BalanceSnapshot)
            .where(BalanceSnapshot.connection_id == desk.connection_id)
            .values(equity=equity)
        )


async def users_mark(desk: Desk) -> RiskMark:
    async with desk.database.sessions() as session:
        return (await gate_books.marks_of(session, desk.user_id))[None]


async def marked(desk: Desk, equity: str) -> RiskMark:
    """A user who holds something, and what was seen of the account in the evening."""
    await desk.run(await desk.confirm(await desk.plan()))
    await set_equity(desk, D(equity))
    await gate.keep_marks(desk.work, desk.user_id)
    return await users_mark(desk)


async def in_the_morning(desk: Desk, equity: str) -> None:
    desk.clock.moment = (NOW + timedelta(days=1)).replace(hour=7)
    await set_equity(desk, D(equity))


async def test_a_look_frozen_before_its_values_were_read_belongs_to_their_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    await marked(desk, "1000")

    async def frozen(*_: object) -> None:
        await in_the_morning(desk, "900")

    monkeypatch.setattr(gate, "_load", frozen)
    await gate.keep_marks(desk.work, desk.user_id)
    mark = await users_mark(desk)
    assert (mark.day, mark.day_value, mark.value) == (desk.clock.now().date(), D(1000), D(900))


async def test_a_look_over_midnight_is_left_to_the_next_one(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Some of its values may be of yesterday, some of today."""
    before = await marked(desk, "1000")
    equity_of = gate_books.equity_of

    async def frozen(*arguments):
        await in_the_morning(desk, "900")
        return await equity_of(*arguments)

    monkeypatch.setattr(gate_books, "equity_of", frozen)
    await gate.keep_marks(desk.work, desk.user_id)
    kept = await users_mark(desk)
    assert (kept.day, kept.value, kept.seen_at) == (before.day, before.value, before.seen_at)
    monkeypatch.undo()
    await gate.keep_marks(desk.work, desk.user_id)
    mark = await users_mark(desk)
    assert (mark.day, mark.day_value, mark.value) == (desk.clock.now().date(), D(1000), D(900))


async def test_an_older_look_does_not_overwrite_a_newer_one(desk: Desk):
    evening = (await marked(desk, "1000")).seen_at
    await in_the_morning(desk, "900")
    await gate.keep_marks(desk.work, desk.user_id)
    newer = await users_mark(desk)
    await set_equity(desk, D(2000))
    async with desk.database.transaction() as session:
        await gate_books.observe(session, desk.user_id, quote_of=board({}, evening), now=evening)
    mark = await users_mark(desk)
    assert (mark.day, mark.day_value, mark.value, mark.peak, mark.seen_at) == (
        newer.day,
        D(1000),
        D(900),
        newer.peak,
        newer.seen_at,
    )


async def test_usage_counts_what_is_held_and_what_is_under_way(desk: Desk):
    assert (await usage(desk)).gross_notional == 0
    await desk.confirm(await desk.plan())
    waiting = await usage(desk)
    assert (waiting.gross_notional, waiting.orders_per_minute) == (WHOLE, 0)
    execution_id = (await orders_of(desk))[0].execution_id
    await desk.run(execution_id)
    held = await usage(desk)
    assert (held.gross_notional, held.sleeve_notional, held.instrument_notional) == (WHOLE, WHOLE, 160)
    assert held.orders_per_minute == 3
    assert [one.symbol for one in held.instruments] == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    assert held.equity == desk.venue.available


async def test_a_rebalances_reducing_leg_passes_and_its_growing_leg_does_not(desk: Desk):
    opened = await desk.run(await desk.confirm(await desk.plan()))
    await limit(desk, gross_notional="1")
    async with desk.database.sessions() as session:
        execution = await session.get_one(Execution, opened.id)
        rows = list(await session.scalars(select(Order).order_by(Order.leg)))
        smaller, larger = rows[0], rows[1]
        smaller.role = larger.role = "rebalance"
        smaller.side, smaller.quantity, smaller.filled_quantity = Side.SELL, D("0.5"), D(0)
        larger.filled_quantity = D(0)
        refused = await gate.refusals(session, desk.work, execution, [smaller, larger])
        growing = larger.id
        await session.rollback()
    assert refused.keys() == {growing}


class Hanging:
    """A Redis that takes every question and never answers."""

    def __getattr__(self, _name: str):
        async def never(*_arguments: object, **_options: object) -> None:
            await asyncio.sleep(3600)

        return never


async def test_a_redis_that_hangs_does_not_hold_the_transaction_of_sending(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate, "_REDIS_SECONDS", 0.05)
    execution_id = await desk.confirm(await desk.plan())
    work = replace(desk.work, redis=Hanging())  # type: ignore[arg-type]
    async with desk.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        rows = list(await session.scalars(select(Order)))
        (await session.get_one(Connection, desk.connection_id)).reconciled_at = desk.clock.now()
        for symbol, _, _ in LEGS:
            gate.quotes_of(work).put(quote_of(symbol))
        async with asyncio.timeout(30):
            assert await gate.refusals(session, work, execution, rows) == {}
        await session.rollback()
