"""Rate limits by the generic cell rate algorithm (GCRA, ITU-T I.371), shared through Redis.

The same limit is also kept in this process and asked first, so losing Redis never means no limit: it
only means that several API processes count apart until Redis is back.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from holdfast.core.errors import TooManyRequests
from holdfast.core.time import to_ms

log = structlog.get_logger(__name__)

REDIS_PATIENCE_SECONDS: Final = 0.25
ALONE_FOR: Final = timedelta(seconds=2)
"""After Redis did not answer: what is asked for often must not wait for it every time."""
LOCAL_KEYS: Final = 20_000

_SCRIPT: Final = """
local now, owed, wait = tonumber(ARGV[1]), ARGV[2] == 'owed', 0
local arrivals = {}
for i, key in ipairs(KEYS) do
  local spent, room = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local arrival = math.max(tonumber(redis.call('GET', key) or now), now)
  arrivals[i] = arrival + spent
  wait = math.max(wait, arrivals[i] - room - now)
end
if wait > 0 and not owed then return wait end
for i, key in ipairs(KEYS) do
  if arrivals[i] > now then
    redis.call('SET', key, string.format('%d', arrivals[i]), 'PX', arrivals[i] - now)
  end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, then one more every ``period / burst``."""

    name: str
    burst: int
    period: timedelta

    @property
    def interval_ms(self) -> int:
        return int(self.period.total_seconds() * 1000) // self.burst

    @property
    def room_ms(self) -> int:
        return self.interval_ms * self.burst


SIGN_IN_PAIR: Final = Rate("sign-in:pair", 10, timedelta(minutes=15))
"""One address from one network: guessing one person's password. Cleared by a success."""
SIGN_IN_ADDRESS: Final = Rate("sign-in:address", 60, timedelta(hours=1))
"""One address from everywhere. Wide, so that a stranger cannot easily lock a person out."""
SIGN_IN_IP: Final = Rate("sign-in:ip", 100, timedelta(minutes=15))
SIGN_UP_ADDRESS: Final = Rate("sign-up:address", 5, timedelta(hours=1))
SIGN_UP_IP: Final = Rate("sign-up:ip", 20, timedelta(hours=1))
REFRESH_TOKEN: Final = Rate("refresh:token", 10, timedelta(minutes=1))
REFRESH_IP: Final = Rate("refresh:ip", 300, timedelta(minutes=5))
DEMO_IP: Final = Rate("demo:ip", 60, timedelta(hours=1))

Check = tuple[Rate, str]
Cost = tuple[Rate, str, int]
"""How much of a rate somebody takes; 0 only asks whether they owe nothing."""


class Limiter:
    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._redis = redis
        self._arrivals: dict[str, int] = {}
        self._alone_until = 0

    async def require(
        self, *checks: Check | Cost, now: datetime, refusal: str = "There were too many attempts."
    ) -> None:
        """Count one attempt (or what it costs) against every check, or nothing at all.

        Raises:
            TooManyRequests: at least one limit is reached; ``retry_after`` is in seconds.
        """
        moment = to_ms(now)
        wait = self._local_wait(checks, moment) or await self._shared_wait(checks, moment)
        if wait > 0:
            seconds = -(-wait // 1000)
            raise TooManyRequests(refusal, advice=f"Try again in {_spoken(seconds)}.", retry_after=seconds)

    async def owe(self, *costs: Check | Cost, now: datetime) -> None:
        """Count what was or will be done all the same: whoever owes is refused until it is made up for."""
        moment = to_ms(now)
        self._local_wait(costs, moment, owed=True)
        await self._shared_wait(costs, moment, owed=True)

    async def forgive(self, *checks: Check) -> None:
        """Forget the attempts counted against these checks."""
        keys = [_key(check) for check in checks]
        for key in keys:
            self._arrivals.pop(key, None)
        try:
            async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
                await self._redis.delete(*keys)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("rate limits: Redis does not answer", error=type(error).__name__)

    async def _shared_wait(self, checks: Sequence[Check | Cost], moment: int, *, owed: bool = False) -> int:
        if moment < self._alone_until:
            return 0
        arguments: list[int | str] = [moment, "owed" if owed else ""]
        for check in checks:
            arguments += [_spent(check), check[0].room_ms]
        try:
            async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
                return int(await self._script(keys=[_key(check) for check in checks], args=arguments))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("rate limits: Redis does not answer, counting alone", error=type(error).__name__)
            self._alone_until = moment + int(ALONE_FOR.total_seconds() * 1000)
            return 0

    def _local_wait(self, checks: Sequence[Check | Cost], moment: int, *, owed: bool = False) -> int:
        arrivals: dict[str, int] = {}
        wait = 0
        for check in checks:
            arrival = max(self._arrivals.get(_key(check), moment), moment) + _spent(check)
            arrivals[_key(check)] = arrival
            wait = max(wait, arrival - check[0].room_ms - moment)
        if wait > 0 and not owed:
            return wait
        self._arrivals |= arrivals
        self._make_room(moment)
        return 0

    def _make_room(self, moment: int) -> None:
        if len(self._arrivals) <= LOCAL_KEYS:
            return
        latest_first = sorted(self._arrivals.items(), key=lambda item: -item[1])
        self._arrivals = {key: at for key, at in latest_first[: LOCAL_KEYS // 2] if at > moment}


def network_of(ip: str) -> str:
    """The address to count by: an IPv6 customer has a whole /64 to hop in."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network(f"{ip}/64", strict=False))
    return str(address)


def _spent(check: Check | Cost) -> int:
    """Milliseconds of the rate."""
    return check[0].interval_ms * (check[2] if len(check) == 3 else 1)


def _key(check: Check | Cost) -> str:
    """Hashed, so that Redis holds no email address."""
    rate, subject = check[:2]
    return f"limit:{rate.name}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def _spoken(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    minutes = -(-seconds // 60)
    return f"{minutes} minutes" if minutes > 1 else "a minute"
