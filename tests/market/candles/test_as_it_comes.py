"""An upload is read as it comes, for as long as it goes on and nobody ends it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.core.errors import InvalidInput
from holdfast.market.candles.uploads import as_it_comes


async def taken(stream: AsyncIterator[bytes], patience: float = 30) -> bytes:
    return b"".join([piece async for piece in as_it_comes(stream, patience)])


async def test_its_pieces_come_in_order() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"", b"two"):
            yield piece

    assert await taken(stream()) == b"one two"


async def test_what_stalls_is_refused() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.Event().wait()

    with pytest.raises(InvalidInput, match="does not go on"):
        await taken(stream(), patience=0.01)


async def test_an_end_from_outside_is_heard_also_as_a_piece_arrives() -> None:
    """A deadline around the whole upload passes in the moment in which a piece is there."""

    async def stream() -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        reading.cancel()
        yield b"one"
        await asyncio.sleep(0)
        yield b"two"

    reading = asyncio.create_task(taken(stream()))
    with pytest.raises(asyncio.CancelledError):
        await reading
