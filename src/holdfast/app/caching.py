"""The cache of an API process."""

import hmac
from typing import Final

from holdfast.accounts.tokens import ensure_signing_key
from holdfast.app.version import build
from holdfast.platform.cache import Cache
from holdfast.platform.cache_redis import RedisShelf
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

_PURPOSE: Final = b"holdfast/kept answers/1"


async def open_cache(settings: Settings, database: Database) -> Cache:
    """What is in Redis is marked with a key made from the one that signs tokens, which all API processes
    share."""
    secret = hmac.digest(ensure_signing_key(settings.secrets_dir), _PURPOSE, "sha256")
    cache = Cache(database, RedisShelf(settings.redis_url, secret), version=build())
    await cache.open()
    return cache
