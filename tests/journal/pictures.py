"""Pictures made byte by byte, with everything in them that tells of their maker."""

import struct
from zlib import compress, crc32

SECRET = b"GPS 52.5N 13.4E camera SN-12345"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))


def png(width: int = 3, height: int = 2, *, extra: bytes = b"", tail: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = compress(b"".join(b"\x00" + b"\x80\x90\xa0" * width for _ in range(height)))
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts + tail


def talking_png() -> bytes:
    extra = chunk(b"tEXt", b"Comment\x00" + SECRET) + chunk(b"eXIf", SECRET) + chunk(b"iCCP", SECRET)
    return png(extra=extra, tail=SECRET)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def exif(orientation: int, order: str = ">") -> bytes:
    sign = b"MM" if order == ">" else b"II"
    entries = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack(f"{order}HHII", 0x010F, 2, len(SECRET), 64)
    tiff = sign + struct.pack(f"{order}HIH", 42, 8, 2) + entries + struct.pack(f"{order}I", 0)
    return b"Exif\x00\x00" + tiff.ljust(64, b"\x00") + SECRET


def jpeg(width: int = 40, height: int = 30, *, head: bytes = b"", tail: bytes = b"") -> bytes:
    """Not one that shows anything: its parts are as those of one that does, a second scan included."""
    frame = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    tables = segment(0xDB, b"\x00" * 65) + segment(0xC4, b"\x00" * 19)
    return (
        b"\xff\xd8" + head + tables + frame + scan + segment(0xC4, b"\x10" * 19) + scan + b"\xff\xd9" + tail
    )


def talking_jpeg(orientation: int = 1, order: str = ">") -> bytes:
    head = segment(0xE0, b"JFIF\x00" + SECRET) + segment(0xE1, exif(orientation, order))
    return jpeg(head=head + segment(0xED, SECRET) + segment(0xFE, SECRET), tail=SECRET)


def riff(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2)


def webp(*, flags: int = 0x3C, moving: bool = False, canvas: tuple[int, int] = (50, 20)) -> bytes:
    """50 × 20, extended, with alpha, EXIF and XMP. ``canvas``: how large it says it is."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in canvas)
    start = bytes([flags | (0x02 if moving else 0), 0, 0, 0]) + sides
    frame = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 50, 20) + b"\x00" * 7
    parts = riff(b"VP8X", start) + riff(b"ICCP", SECRET) + riff(b"ALPH", b"\x00\x01") + riff(b"VP8 ", frame)
    return riff(b"RIFF", b"WEBP" + parts + riff(b"EXIF", SECRET) + riff(b"XMP ", SECRET)) + SECRET


def lossless_webp(width: int = 7, height: int = 9) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    return riff(b"RIFF", b"WEBP" + riff(b"VP8L", b"\x2f" + bits.to_bytes(4, "little") + b"\x00\x00"))
