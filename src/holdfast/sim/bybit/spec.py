"""How an account of the simulated venue is made: the body of ``POST /_sim/accounts``."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("must be a finite number")
    return value


Number = Annotated[Decimal, AfterValidator(finite)]

TRADING_PERMISSIONS: Final = {
    "ContractTrade": ["Order", "Position"],
    "Spot": ["SpotTrade"],
    "Derivatives": ["DerivativesTrade"],
}
PERMISSION_GROUPS: Final = (
    "ContractTrade", "Spot", "Wallet", "Options", "Derivatives", "CopyTrading", "BlockTrade", "Exchange",
    "NFT", "Affiliate", "Earn", "FiatP2P", "FiatBitPay", "FiatConvertBroker", "FiatGlobalPay", "BitCard",
    "ByXPost",
)  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeeRates(_Strict):
    taker: Number
    maker: Number


DEFAULT_FEES: Final = {
    "linear": FeeRates(taker=Decimal("0.00055"), maker=Decimal("0.0002")),
    "spot": FeeRates(taker=Decimal("0.001"), maker=Decimal("0.001")),
}


class PositionSpec(_Strict):
    """A position the account starts with. ``size`` is signed; ``price`` defaults to the mark price."""

    symbol: str
    size: Number
    price: Number | None = None
    position_idx: Literal[0, 1, 2] = 0


class Behaviour(_Strict):
    """How the venue behaves towards this account where the real one is known to vary.

    ``match_delay_ms`` passes between the acknowledgement of an order and its matching; reads of orders and
    fills are ``realtime_lag_ms`` behind. ``no_liquidity`` chooses what a market order without counterparty
    gets: an acknowledged order that ends cancelled, retCode 10001 (``error``), or 110118 (``no_price``).
    ``max_fill`` caps what one order may fill in total as a fraction of its quantity (partial fills on
    demand). For ``settlement_pause_ms`` after a funding boundary of a symbol its orders get 110063.
    ``reserve_reduce_only``: reduce-only orders together may not exceed the position, else 110017.
    ``forgets_link_ids_s`` after an order has ended its ``orderLinkId`` may be used again; ``None``: never.
    """

    match_delay_ms: int = Field(default=10, ge=0, le=60_000)
    realtime_lag_ms: int = Field(default=0, ge=0, le=60_000)
    executions_first: bool = True
    duplicate_pushes: bool = False
    no_liquidity: Literal["cancel", "error", "no_price"] = "cancel"
    reserve_reduce_only: bool = False
    forgets_link_ids_s: int | None = Field(default=None, ge=0, le=86_400)
    settlement_pause_ms: int = Field(default=0, ge=0, le=60_000)
    max_fill: Number | None = Field(default=None, ge=0, le=1)
    fee_coin: Literal["", "MNT"] = ""
    mnt_price: Number = Decimal("0.75")


class AccountSpec(_Strict):
    """``unified_status`` is ``unifiedMarginStatus``: 1 classic, 3–6 unified. ``ips`` empty: bound to none.

    ``fee_rates`` maps a category, or "category:SYMBOL", to rates. ``rate_limits`` overrides requests per
    second by endpoint name ("order.create"). Permission groups given here replace the default set.
    """

    balances: dict[str, Number] = Field(default_factory=lambda: {"USDT": Decimal(10_000)})
    permissions: dict[str, list[str]] | None = None
    read_only: bool = False
    ips: list[str] = Field(default_factory=list)
    expires: datetime | None = None
    unified_status: Literal[1, 3, 4, 5, 6] = 5
    margin_mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"] = "REGULAR_MARGIN"
    is_master: bool = False
    default_leverage: Number = Field(default=Decimal(10), ge=1)
    leverage: dict[str, Number] = Field(default_factory=dict)
    positions: list[PositionSpec] = Field(default_factory=list)
    hedge_symbols: list[str] = Field(default_factory=list)
    fee_rates: dict[str, FeeRates] = Field(default_factory=dict)
    rate_limits: dict[str, int] = Field(default_factory=dict)
    reject_beyond_band: bool = False
    behaviour: Behaviour = Field(default_factory=Behaviour)

    def granted(self) -> dict[str, list[str]]:
        """Every documented permission group, empty where nothing is granted, plus any group given."""
        given = TRADING_PERMISSIONS if self.permissions is None else self.permissions
        return {group: list(given.get(group, ())) for group in (*PERMISSION_GROUPS, *given)}

    def fee_rate(self, category: str, symbol: str) -> FeeRates:
        rates = self.fee_rates
        return rates.get(f"{category}:{symbol}") or rates.get(category) or DEFAULT_FEES[category]
