"""Pictures as users send them, told by their content and rid of what they say beside the picture.

Only the parts that make the picture are kept, by the PNG specification (3rd edition, W3C), JPEG (ITU-T T.81)
and the WebP container specification. EXIF, XMP, comments, colour profiles, times, thumbnails and whatever
follows the end of the picture are left out: they tell of devices, places and people. Of EXIF only the
orientation stays, which the picture needs.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from holdfast.core.errors import InvalidInput

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
LONGEST_SIDE: Final = 16_000
_MOST_PARTS: Final = 20_000

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"IDAT", b"IEND"}
)
_PNG_OPTIONAL: Final = 0x20
"""Set in the first letter of parts that a reader may leave out."""
_JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_ADOBE: Final = b"Adobe"
_EXIF: Final = b"Exif\x00\x00"
_ORIENTATION: Final = 0x0112
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_WEBP_ALPHA: Final = 0x10
_WEBP_ANIMATED: Final = 0x02


@dataclass(frozen=True, slots=True)
class Picture:
    """What may be kept and served. Width and height in pixels."""

    content_type: str
    width: int
    height: int
    content: bytes


def read(content: bytes) -> Picture:
    """The picture without its metadata.

    Raises:
        InvalidInput: it is no whole PNG, JPEG or WebP picture, or it is too large.
    """
    if len(content) > MOST_BYTES:
        raise too_large()
    try:
        picture = _read(content)
    except _Broken as error:
        raise _damaged(str(error)) from error
    except (struct.error, IndexError) as error:
        raise _damaged("it ends too early") from error
    sides = (picture.width, picture.height)
    if min(sides) < 1 or max(sides) > LONGEST_SIDE or sides[0] * sides[1] > MOST_PIXELS:
        raise InvalidInput(
            f"A picture of {sides[0]} × {sides[1]} pixels is too large.",
            advice=f"At most {MOST_PIXELS // 1_000_000} million pixels are kept: make it smaller.",
        )
    return picture


def too_large() -> InvalidInput:
    return InvalidInput(
        f"A picture may have at most {MOST_BYTES // 1024**2} MiB.",
        advice="Make it smaller, or save it as JPEG or WebP.",
    )


def _damaged(how: str) -> InvalidInput:
    return InvalidInput(f"This picture is damaged: {how}.", advice="Save it again as PNG, JPEG or WebP.")


class _Broken(ValueError):
    """In a few words what is wrong with the file."""


def _read(content: bytes) -> Picture:
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    raise InvalidInput(
        "This is no picture that can be kept.",
        advice="Send a PNG, JPEG or WebP picture; its name does not matter.",
    )


# --- PNG ----------------------------------------------------------------------------------------------------


def _png(content: bytes) -> Picture:
    kept: list[bytes] = []
    names: list[bytes] = []
    for name, chunk in _png_chunks(content):
        if name in _PNG_KEPT:
            kept.append(chunk)
            names.append(name)
        elif not name[0] & _PNG_OPTIONAL:
            raise _Broken("it holds parts nobody knows")
    if not names or names[0] != b"IHDR" or len(kept[0]) != 25:
        raise _Broken("it has no header")
    if b"IDAT" not in names:
        raise _Broken("it holds no picture")
    width, height = struct.unpack_from(">II", kept[0], 8)
    return Picture("image/png", width, height, _PNG + b"".join(kept))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and whole chunks, up to the end of the picture."""
    at = len(_PNG)
    for _ in range(_MOST_PARTS):
        (length,) = struct.unpack_from(">I", content, at)
        chunk = content[at : at + length + 12]
        if len(chunk) != length + 12:
            raise _Broken("it ends too early")
        (check,) = struct.unpack(">I", chunk[-4:])
        if crc32(chunk[4:-4]) != check:
            raise _Broken("its checksums do not fit")
        yield chunk[4:8], chunk
        if chunk[4:8] == b"IEND":
            return
        at += length + 12
    raise _Broken("it has too many parts")


# --- JPEG ---------------------------------------------------------------------------------------------------


def _jpeg(content: bytes) -> Picture:
    kept, tables = bytearray(b"\xff\xd8"), bytearray()
    size: tuple[int, int] | None = None
    orientation = 1
    at = 2
    for _ in range(_MOST_PARTS):
        marker, at = _jpeg_marker(content, at)
        if marker == 0xD9:
            break
        (length,) = struct.unpack_from(">H", content, at)
        data = content[at + 2 : at + length]
        if length < 2 or len(data) != length - 2:
            raise _Broken("it ends too early")
        segment = b"\xff" + bytes([marker]) + content[at : at + length]
        at += length
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[1:5])
            size = width, height
            tables += segment
        elif marker in _JPEG_TABLES or (marker == 0xEE and data.startswith(_ADOBE)):
            tables += segment
        elif marker == 0xE1 and data.startswith(_EXIF):
            orientation = _orientation(data[len(_EXIF) :])
        elif marker == 0xDA:
            if size is None:
                raise _Broken("it has no header")
            end = _SCAN_END.search(content, at)
            if end is None:
                raise _Broken("it ends too early")
            tables += segment + content[at : end.start()]
            at = end.start()
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise _Broken("it holds parts nobody knows")
    else:
        raise _Broken("it has too many parts")
    if size is None:
        raise _Broken("it has no header")
    if orientation != 1:
        kept += _exif_with(orientation)
    kept += tables + b"\xff\xd9"
    width, height = size if orientation < 5 else (size[1], size[0])
    return Picture("image/jpeg", width, height, bytes(kept))


def _jpeg_marker(content: bytes, at: int) -> tuple[int, int]:
    """The next marker, which any number of fill bytes may precede, and what is behind it."""
    if content[at] != 0xFF:
        raise _Broken("its parts do not follow one another")
    while content[at] == 0xFF:
        at += 1
    return content[at], at + 1


def _orientation(tiff: bytes) -> int:
    """1 to 8 as EXIF 2.3 counts them; 1 where it cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None:
            return 1
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION and kind == 3:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _exif_with(orientation: int) -> bytes:
    """An EXIF segment that says nothing but which way is up."""
    directory = struct.pack(">HHHIHHI", 1, _ORIENTATION, 3, 1, orientation, 0, 0)
    data = _EXIF + b"MM\x00\x2a\x00\x00\x00\x08" + directory
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


# --- WebP ---------------------------------------------------------------------------------------------------


def _webp(content: bytes) -> Picture:
    kept: list[bytes] = []
    sizes: set[tuple[int, int]] = set()
    extended = alpha = False
    for name, data in _webp_chunks(content):
        if name == b"VP8X":
            if data[0] & _WEBP_ANIMATED:
                raise _Broken("it moves, and only still pictures are kept")
            extended, alpha = True, bool(data[0] & _WEBP_ALPHA)
            sizes.add((1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")))
        elif name in _WEBP_KEPT:
            kept.append(_riff(name, data))
            if name != b"ALPH":
                sizes.add(_webp_size(name, data))
    if not any(chunk.startswith(b"VP8") for chunk in kept):
        raise _Broken("it holds no picture")
    if len(sizes) != 1:
        raise _Broken("it is not as large as it says")
    (size,) = sizes
    if extended:
        flags = bytes([_WEBP_ALPHA if alpha else 0, 0, 0, 0])
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        kept.insert(0, _riff(b"VP8X", flags + sides))
    return Picture("image/webp", *size, _riff(b"RIFF", b"WEBP" + b"".join(kept)))


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    (length,) = struct.unpack_from("<I", content, 4)
    end = length + 8
    if len(content) < end:
        raise _Broken("it ends too early")
    at = 12
    for _ in range(_MOST_PARTS):
        if at >= end:
            return
        name, size = struct.unpack_from("<4sI", content, at)
        data = content[at + 8 : at + 8 + size]
        if len(data) != size or at + 8 + size > end:
            raise _Broken("it ends too early")
        yield name, data
        at += 8 + size + size % 2
    raise _Broken("it has too many parts")


def _webp_size(name: bytes, data: bytes) -> tuple[int, int]:
    if name == b"VP8L":
        if data[0] != 0x2F:
            raise _Broken("it has no header")
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if data[3:6] != b"\x9d\x01\x2a":
        raise _Broken("it has no header")
    width, height = struct.unpack("<HH", data[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _riff(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2)
