"""What Bybit does for the holder of a key, through pybit."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog

from holdfast.core.instruments import InstrumentKind
from holdfast.core.money import plain
from holdfast.core.time import Clock, to_ms
from holdfast.venues.bybit import errors, parse
from holdfast.venues.bybit.budget import Bucket, Budget
from holdfast.venues.bybit.fields import SETTLE_COIN, Malformed, Row, rows_of, text
from holdfast.venues.bybit.placing import Group, body, waves
from holdfast.venues.bybit.public import BybitPublic, readable
from holdfast.venues.bybit.transport import Road, Transport
from holdfast.venues.protocol import (
    AccountInfo,
    Balance,
    FeeRate,
    FillReport,
    FundingReport,
    KeyInfo,
    OrderReport,
    OrderRequest,
    Placement,
    RateLimited,
    Rejected,
    Unreachable,
    VenueError,
    VenuePosition,
)

__all__ = ["BybitPublic", "BybitVenue"]

log = structlog.get_logger(__name__)

LEAVE_WITHIN: Final = timedelta(seconds=3)
"""An order that has not left for the venue so long after it was decided (or, if that is not told, placed) is
given back unsent: whoever stopped trading meanwhile is asked before it is placed again."""

_WINDOW: Final = timedelta(days=7)
_SLACK: Final = timedelta(seconds=2)


class BybitVenue(BybitPublic):
    """What Bybit does for the holder of a key.

    Raises:
        KeyRefused: at construction, if key or secret cannot be what they should be.
    """

    def __init__(
        self,
        rest_url: str,
        api_key: str,
        api_secret: str,
        *,
        budget: Budget | None = None,
        kind: InstrumentKind = InstrumentKind.LINEAR,
        clock: Clock | None = None,
        road: Road | None = None,
    ) -> None:
        self._kind = kind
        self._wire = Transport(rest_url, api_key, api_secret, budget=budget, clock=clock, road=road)

    async def key_info(self) -> KeyInfo:
        return await self._wire.read(Bucket.KEY, "get_api_key_information", parse.key_info)

    async def account_info(self) -> AccountInfo:
        return await self._wire.read(Bucket.ACCOUNT, "get_account_info", parse.account_info)

    async def balance(self) -> Balance:
        def read(result: Row) -> Balance:
            accounts = rows_of(result)
            if not accounts:
                raise Malformed("there is no unified account")
            return parse.balance(accounts[0])

        return await self._wire.read(Bucket.WALLET, "get_wallet_balance", read, accountType="UNIFIED")

    async def fee_rates(self) -> dict[str, FeeRate]:
        """By symbol. Not offered on Bybit's demo environment, which refuses the question."""

        def read(result: Row) -> dict[str, FeeRate]:
            return parse.fee_rates(rows_of(result))

        return await self._wire.read(Bucket.FEES, "get_fee_rates", read, category=self._kind.value)

    async def positions(self) -> list[VenuePosition]:
        """Everything held; the default page of 20 would lose legs silently."""
        rows = await self._all(
            Bucket.POSITIONS, "get_positions", category=self._kind.value, settleCoin=SETTLE_COIN, limit=200
        )
        return [p for p in readable(parse.positions, rows) if p.quantity or p.hedge_mode]

    async def position_of(self, symbol: str) -> VenuePosition:
        """The position, also when it is flat."""
        rows = await self._all(Bucket.POSITIONS, "get_positions", category=self._kind.value, symbol=symbol)
        found = [p for p in readable(parse.positions, rows) if p.symbol == symbol]
        if not found:
            raise Unreachable(f"Bybit did not tell the position in {symbol}.")
        return found[0]

    async def ensure_leverage(self, symbol: str, leverage: Decimal) -> None:
        value = plain(leverage)
        await self._wire.write(
            Bucket.LEVERAGE,
            "set_leverage",
            category=self._kind.value,
            symbol=symbol,
            buyLeverage=value,
            sellLeverage=value,
        )

    async def ensure_one_way(self, symbol: str) -> None:
        await self._wire.write(
            Bucket.MODE, "switch_position_mode", category=self._kind.value, symbol=symbol, mode=0
        )

    async def place(self, orders: Sequence[OrderRequest]) -> list[Placement]:
        """A wave is sent once the one before is answered: only then is it known how long journeys take. What
        has not left within ``LEAVE_WITHIN`` comes back as ``RateLimited``."""
        answered: dict[str, Placement] = {}
        leave_by = min([self._wire.now(), *(o.decided_at for o in orders if o.decided_at)]) + LEAVE_WITHIN
        for wave in waves(orders):
            for placements in await self._send_wave(wave, leave_by):
                answered |= {placement.client_id: placement for placement in placements}
        return [answered[order.client_id] for order in orders]

    async def _send_wave(self, wave: Sequence[Group], leave_by: datetime) -> list[list[Placement]]:
        """Whoever stops this leaves no order behind that still waits for its turn."""
        sending: list[asyncio.Task[list[Placement]]] = []
        try:
            for group in wave:
                turn = await self._turn(group, leave_by)
                sending.append(asyncio.create_task(self._send(group, turn, leave_by)))
            return await asyncio.gather(*sending)
        finally:
            for task in sending:
                task.cancel()

    async def _turn(self, group: Group, leave_by: datetime) -> float | RateLimited:
        """Seconds until the group may leave, or the refusal to wait that long."""
        bucket = Bucket.CREATE_BATCH if group.batch else Bucket.CREATE
        patience = max(0.0, (leave_by - self._wire.now()).total_seconds())
        try:
            return await self._wire.reserve(bucket, len(group.orders), patience=patience)
        except RateLimited as limited:
            return limited

    async def cancel(self, symbol: str, client_id: str) -> None:
        """Success also if Bybit says that the order has already ended.

        Raises:
            Rejected: Bybit does not know the order, or not any more: 110001 does not say which.
        """
        try:
            await self._wire.write(
                Bucket.CANCEL,
                "cancel_order",
                category=self._kind.value,
                symbol=symbol,
                orderLinkId=client_id,
            )
        except Rejected as refusal:
            if refusal.code not in errors.ALREADY_FINAL:
                raise

    async def find_order(self, symbol: str, client_id: str) -> OrderReport | None:
        return await self._find(Bucket.REALTIME, "get_open_orders", symbol, client_id) or await self._find(
            Bucket.HISTORY, "get_order_history", symbol, client_id
        )

    async def find_order_since(self, symbol: str, client_id: str, since: datetime) -> OrderReport | None:
        """In windows: without a time Bybit looks through the last seven days, and whether a name lifts that
        is not documented."""
        rows = await self._windows(
            Bucket.HISTORY, "get_order_history", since, symbol=symbol, orderLinkId=client_id, limit=50
        )
        ours = [row for row in rows if text(row, "orderLinkId") == client_id]
        found = readable(lambda named: [parse.order(row) for row in named], ours)
        return found[0] if found else None

    async def open_orders(self) -> list[OrderReport]:
        rows = await self._all(
            Bucket.REALTIME,
            "get_open_orders",
            category=self._kind.value,
            openOnly=0,
            limit=50,
            **self._settled(),
        )
        return readable(lambda found: [parse.order(row) for row in found], rows)

    async def fills_of(self, symbol: str, client_id: str) -> list[FillReport]:
        rows = await self._all(
            Bucket.EXECUTIONS,
            "get_executions",
            category=self._kind.value,
            symbol=symbol,
            orderLinkId=client_id,
            limit=100,
        )
        found = readable(parse.fills, rows)
        return [fill for fill in found if fill.symbol == symbol and fill.client_id == client_id]

    async def fills_since(self, since: datetime) -> list[FillReport]:
        rows = await self._windows(Bucket.EXECUTIONS, "get_executions", since, limit=100, **self._settled())
        return [fill for fill in readable(parse.fills, rows) if fill.executed_at >= since]

    async def funding_since(self, since: datetime) -> list[FundingReport]:
        rows = await self._windows(
            Bucket.TRANSACTIONS,
            "get_transaction_log",
            since,
            accountType="UNIFIED",
            currency=SETTLE_COIN,
            type="SETTLEMENT",
            limit=50,
        )
        return [report for report in readable(parse.funding, rows) if report.at >= since]

    def _settled(self) -> dict[str, str]:
        return {"settleCoin": SETTLE_COIN} if self._kind is InstrumentKind.LINEAR else {}

    async def _windows(self, bucket: Bucket, method: str, since: datetime, **query: Any) -> list[Row]:
        """All rows from ``since`` to now; Bybit looks at most seven days at once, and at one by default."""
        rows: list[Row] = []
        end = await self.server_time() + _SLACK
        start = since
        while start < end:
            until = min(start + _WINDOW, end)
            rows += await self._all(
                bucket,
                method,
                category=self._kind.value,
                startTime=to_ms(start),
                endTime=to_ms(until),
                **query,
            )
            start = until
        return rows

    async def _find(self, bucket: Bucket, method: str, symbol: str, client_id: str) -> OrderReport | None:
        def read(result: Row) -> OrderReport | None:
            ours = [row for row in rows_of(result) if text(row, "orderLinkId") == client_id]
            return parse.order(ours[0]) if ours else None

        return await self._wire.read(
            bucket, method, read, category=self._kind.value, symbol=symbol, orderLinkId=client_id
        )

    async def _send(self, group: Group, turn: float | RateLimited, leave_by: datetime) -> list[Placement]:
        if isinstance(turn, RateLimited):
            return _refused(group, turn)
        await asyncio.sleep(turn)
        send = self._send_batch if group.batch else self._send_single
        try:
            return await send(group, turn, leave_by)
        except VenueError as error:
            return _refused(group, error)
        except Exception:
            log.exception("an order's sending failed in an unforeseen way")
            return _refused(group, errors.silence("an accident on our side", write=True))

    async def _send_single(self, group: Group, waited: float, leave_by: datetime) -> list[Placement]:
        order = group.orders[0]
        answer = await self._wire.write(
            Bucket.CREATE,
            "place_order",
            reserved=waited,
            leave_by=leave_by,
            category=self._kind.value,
            **body(order, self._kind),
        )
        return [_acknowledged(order, answer["result"])]

    async def _send_batch(self, group: Group, waited: float, leave_by: datetime) -> list[Placement]:
        answer = await self._wire.write(
            Bucket.CREATE_BATCH,
            "place_batch_order",
            units=len(group.orders),
            reserved=waited,
            leave_by=leave_by,
            category=self._kind.value,
            request=[body(order, self._kind) for order in group.orders],
        )
        placements = self._batch_placements(group, answer)
        for error in {p.error.code: p.error for p in placements if p.error}.values():
            await self._wire.learn_from(error, Bucket.CREATE_BATCH)
        return placements

    def _batch_placements(self, group: Group, answer: Row) -> list[Placement]:
        """The top code is 0 even if every order failed; the truth is in the list beside the result."""
        try:
            items, codes = rows_of(answer["result"]), rows_of(answer.get("retExtInfo") or {})
        except Malformed as malformed:
            raise errors.silence(str(malformed), write=True) from None
        if not len(items) == len(codes) == len(group.orders):
            raise errors.silence("the batch's answer does not match its orders", write=True)
        return [
            self._batch_placement(order, item, code)
            for order, item, code in zip(group.orders, items, codes, strict=True)
        ]

    def _batch_placement(self, order: OrderRequest, item: Row, verdict: Row) -> Placement:
        code = text(verdict, "code")
        if code == "0":
            return _acknowledged(order, item)
        if not code.lstrip("-").isdigit():
            return Placement(order.client_id, error=errors.silence("an unreadable code", write=True))
        message = errors.redact(text(verdict, "msg"), self._wire.secrets)
        return Placement(
            order.client_id,
            error=errors.from_code(int(code), message, write=True, now=self._wire.now()),
        )


def _acknowledged(order: OrderRequest, item: Row) -> Placement:
    """An acknowledgement names the order; one that does not is no clear answer."""
    venue_id = text(item, "orderId")
    if not venue_id or text(item, "orderLinkId") != order.client_id:
        return Placement(order.client_id, error=errors.silence("no order id came back", write=True))
    return Placement(order.client_id, venue_id)


def _refused(group: Group, error: VenueError) -> list[Placement]:
    return [Placement(order.client_id, error=error) for order in group.orders]
