"""An uploaded form taken in as it comes: bounded in size and time, the file on disk and not in memory."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from holdfast.charts.datasets.schemas import Upload
from holdfast.charts.datasets.service import MOST_BYTES, check_form, name_from
from holdfast.core.errors import InvalidInput, TooManyRequests
from holdfast.market.candles.uploads import LONGEST_SECONDS, STALLED_SECONDS, as_it_comes

_FIELDS: Final = ("kind", "name", "series", "timeframe")
_LONGEST_FIELD: Final = 4096
_AROUND_THE_FILE: Final = 64 * 1024
_PIECE: Final = 1024 * 1024
_MOST_AT_ONCE: Final = 2


class Receiving:
    """How many files each user is sending to this process."""

    def __init__(self) -> None:
        self._users: Counter[UUID] = Counter()

    @contextmanager
    def one_of(self, user_id: UUID) -> Iterator[None]:
        """Raises ``TooManyRequests``: this user sends enough at once."""
        if self._users[user_id] >= _MOST_AT_ONCE:
            raise TooManyRequests(
                f"You are sending {_MOST_AT_ONCE} files already.", advice="Wait for them.", retry_after=5
            )
        self._users[user_id] += 1
        try:
            yield
        finally:
            self._users[user_id] -= 1
            self._users += Counter()


async def read_form(request: Request) -> tuple[Upload, UploadFile]:
    """The fields of the form and its file.

    Raises:
        InvalidInput: it is no such form, too large, or does not come any more.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput("The request is no form with a file.", advice="Send multipart/form-data.")
    parser = MultiPartParser(
        request.headers,
        _pieces(request),
        max_files=1,
        max_fields=len(_FIELDS),
        max_part_size=_LONGEST_FIELD,
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(
            f"The form cannot be read: {error.message}", advice="Send one file as multipart/form-data."
        ) from error
    except TimeoutError:
        raise InvalidInput("The upload takes too long.", advice="Pack it, or split it.") from None
    return await _upload(form)


async def pieces_of(file: UploadFile) -> AsyncIterator[bytes]:
    await file.seek(0)
    while piece := await file.read(_PIECE):
        yield piece


async def _upload(form: FormData) -> tuple[Upload, UploadFile]:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename or not file.size:
        raise InvalidInput("The form holds no file.", advice="Send it as the field named file.")
    if file.size > MOST_BYTES:
        raise _too_large()
    fields = {name: form[name] for name in _FIELDS if isinstance(form.get(name), str) and form[name]}
    digest = await asyncio.to_thread(hashlib.file_digest, file.file, "sha256")  # type: ignore[arg-type]
    about = {"file_name": file.filename, "size": file.size, "sha256": digest.hexdigest()}
    try:
        upload = Upload.model_validate({"name": name_from(file.filename), **fields, **about})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", advice="Correct it and send it again."
        ) from error
    check_form(upload)
    return upload, file


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    try:
        async for piece in as_it_comes(request.stream(), STALLED_SECONDS):
            size += len(piece)
            if size > MOST_BYTES + _AROUND_THE_FILE:
                raise _too_large()
            yield piece
    except ClientDisconnect:
        raise InvalidInput("The upload was broken off.", advice="Send it again.") from None


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"A file may have at most {MOST_BYTES // 1024**2} MiB.", advice="Pack it with gzip, or split it."
    )
