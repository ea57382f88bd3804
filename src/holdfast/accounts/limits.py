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
LOCAL_KEYS: Final = 20_000

_SCRIPT: Final = """
local now, wait = tonumber(ARGV[1]), 0
local arrivals = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local arrival = math.max(tonumber(redis.call('GET', key) or now), now)
  arrivals[i] = arrival + interval
  wait = math.max(wait, arrivals[i] - interval * burst - now)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%d', arrivals[i]), 'PX', arrivals[i] - now)
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


class Limiter:
    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._redis = redis
        self._arrivals: dict[str, int] = {}

    async def require(self, *checks: Check, now: datetime) -> None:
        """Count one attempt against every check, or none at all.

        Raises:
            TooManyRequests: at least one limit is reached; ``retry_after`` is in seconds.
        """
        moment = to_ms(now)
        wait = self._local_wait(checks, moment) or await self._shared_wait(checks, moment)
        if wait > 0:
            seconds = -(-wait // 1000)
            raise TooManyRequests(
                "There were too many attempts.",
                advice=f"Try again in {_spoken(seconds)}.",
                retry_after=seconds,
            )

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

    async def _shared_wait(self, checks: Sequence[Check], moment: int) -> int:
        arguments = [moment]
        for rate, _ in checks:
            arguments += [rate.interval_ms, rate.burst]
        try:
            async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
                return int(await self._script(keys=[_key(check) for check in checks], args=arguments))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("rate limits: Redis does not answer, counting alone", error=type(error).__name__)
            return 0

    def _local_wait(self, checks: Sequence[Check], moment: int) -> int:
        arrivals: dict[str, int] = {}
        wait = 0
        for check in checks:
            interval, burst = check[0].interval_ms, check[0].burst
            arrival = max(self._arrivals.get(_key(check), moment), moment) + interval
            arrivals[_key(check)] = arrival
            wait = max(wait, arrival - interval * burst - moment)
        if wait > 0:
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


def _key(check: Check) -> str:
    """Hashed, so that Redis holds no email address."""
    rate, subject = check
    return f"limit:{rate.name}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def _spoken(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    minutes = -(-seconds // 60)
    return f"{minutes} minutes" if minutes > 1 else "a minute"
