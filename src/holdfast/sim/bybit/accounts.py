"""Every account of the simulated venue: how they are opened and found."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from holdfast.core.errors import InvalidInput, NotFound
from holdfast.core.time import to_ms
from holdfast.sim.bybit.account import Account, ApiKey, Ids
from holdfast.sim.bybit.records import Position
from holdfast.sim.bybit.spec import AccountSpec, PositionSpec
from holdfast.sim.bybit.truth import truth


class Accounts:
    """Every account of the venue, by uid and by API key."""

    def __init__(self, ids: Ids, now_ms: Callable[[], int], mark_of: Callable[[str], Decimal]) -> None:
        self._ids = ids
        self._now_ms = now_ms
        self._mark_of = mark_of
        self._by_uid: dict[str, Account] = {}
        self._by_key: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_uid.values())

    def of_key(self, key: str) -> Account | None:
        account = self._by_key.get(key)
        return None if account is None or account.key.revoked else account

    def of_uid(self, uid: str) -> Account:
        """Raises:
        NotFound: no such account.
        """
        try:
            return self._by_uid[uid]
        except KeyError:
            raise NotFound(f"There is no account {uid}.") from None

    def create(self, spec: dict[str, Any]) -> Account:
        """Open an account from the JSON form of an ``AccountSpec``.

        Raises:
            InvalidInput: the specification does not hold; says where.
        """
        try:
            wanted = AccountSpec.model_validate(spec)
        except ValidationError as error:
            places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidInput(f"This account cannot be created: {places}.") from None
        now_ms = self._now_ms()
        key = ApiKey(
            id=self._ids.uid(),
            key=self._ids.text(18),
            secret=self._ids.text(36),
            read_only=wanted.read_only,
            permissions=wanted.granted(),
            ips=list(wanted.ips),
            expires_ms=to_ms(wanted.expires) if wanted.expires else None,
            created_ms=now_ms,
        )
        account = Account(
            uid=self._ids.uid(),
            key=key,
            spec=wanted,
            created_ms=now_ms,
            balances={coin: value for coin, value in wanted.balances.items() if value},
            leverage=dict(wanted.leverage),
            hedge=set(wanted.hedge_symbols),
            reject_beyond_band=wanted.reject_beyond_band,
        )
        for held in wanted.positions:
            self._open(account, held, now_ms)
        self.admit(account)
        return account

    def admit(self, account: Account) -> None:
        """Take in an account that was opened before."""
        self._by_uid[account.uid] = account
        self._by_key[account.key.key] = account

    def truth(self, uid: str) -> dict[str, Any]:
        """The venue's own view of an account.

        Raises:
            NotFound: no such account.
        """
        return truth(self.of_uid(uid))

    def _open(self, account: Account, held: PositionSpec, now_ms: int) -> None:
        try:
            price = self._mark_of(held.symbol) if held.price is None else held.price
        except KeyError:
            raise InvalidInput(
                f"There is no linear instrument {held.symbol} to hold a position in."
            ) from None
        if held.position_idx:
            account.hedge.add(held.symbol)
        account.positions[held.symbol, held.position_idx] = Position(
            symbol=held.symbol,
            idx=held.position_idx,
            sequence=self._ids.sequence(),
            created_ms=now_ms,
            updated_ms=now_ms,
            funded_ms=now_ms,
            quantity=held.size,
            cost=abs(held.size) * price,
        )
