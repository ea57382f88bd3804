"""Pictures keep nothing but the picture; what is none is refused, whatever it is called."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.pictures import (
    SECRET,
    chunk,
    jpeg,
    lossless_webp,
    png,
    riff,
    segment,
    talking_jpeg,
    talking_png,
    webp,
)

from holdfast.core.errors import InvalidInput
from holdfast.journal.images import MOST_BYTES, read


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (talking_png(), "image/png", (3, 2)),
        (talking_jpeg(), "image/jpeg", (40, 30)),
        (webp(), "image/webp", (50, 20)),
        (lossless_webp(), "image/webp", (7, 9)),
    ],
)
def test_what_a_picture_says_beside_itself_is_left_out(
    content: bytes, kind: str, size: tuple[int, int]
) -> None:
    picture = read(content)
    assert (picture.content_type, (picture.width, picture.height)) == (kind, size)
    assert SECRET not in picture.content
    assert b"Exif" not in picture.content
    again = read(picture.content)
    assert again == picture, "what is kept is whole, and nothing more can be left out"


def test_the_picture_itself_is_untouched() -> None:
    assert read(png()).content == png()
    assert read(talking_png()).content == png()
    assert read(jpeg()).content == jpeg()
    assert read(talking_jpeg()).content == jpeg()


def test_an_extended_webp_claims_nothing_it_does_not_hold() -> None:
    kept = read(webp()).content
    assert kept[20] == 0x10, "alpha, and neither EXIF, XMP nor a profile"
    assert int.from_bytes(kept[4:8], "little") == len(kept) - 8


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photo_stays_upright(order: str) -> None:
    picture = read(talking_jpeg(6, order))
    assert (picture.width, picture.height) == (30, 40), "as it is shown"
    assert SECRET not in picture.content
    assert picture.content.count(b"Exif") == 1
    assert read(picture.content) == picture


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a\x01\x00\x01\x00",
        b"\x89PNG\r\n\x1a\n",
        png()[:-4],
        png()[:40],
        png().replace(b"IDAT", b"IDAX"),
        png(extra=chunk(b"EVIL", b"")),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
        png(0, 5),
        png(20_000, 2),
        jpeg()[:-2],
        jpeg()[:60],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + segment(0xDA, b"\x00") + b"\xff\xd9",
        b"\xff\xd8\xff" + b"\xff" * 1000,
        jpeg(0, 0),
        webp(moving=True),
        webp(canvas=(5_000, 4_000)),
        webp(canvas=(50, 19)),
        webp()[:30],
        b"RIFF\x04\x00\x00\x00WEBP",
        b"\x00" * (MOST_BYTES + 1),
    ],
)
def test_junk_is_refused_with_words(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert refused.value.detail
    assert refused.value.advice


@pytest.mark.parametrize(
    "content",
    [
        png()[:10],
        b"\xff\xd8\xff",
        riff(b"RIFF", b"WEBP" + riff(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a")),
        riff(b"RIFF", b"WEBP" + riff(b"VP8L", b"")),
    ],
)
def test_a_picture_that_ends_too_early_is_said_to(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="damaged: it ends too early"):
        read(content)


def test_a_flood_of_parts_is_refused_soon() -> None:
    for flood in (
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"") * 100_000,
        b"\xff\xd8" + segment(0xFE, b"") * 100_000,
        b"\xff\xd8\xff\xe0\x00\x02" + b"\xff" * 2_000_000,
    ):
        with pytest.raises(InvalidInput):
            read(flood)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([talking_png(), talking_jpeg(6), webp(), lossless_webp()]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.integers(0, 400),
)
def test_damaged_pictures_are_refused_or_whole(
    content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    try:
        picture = read(bytes(damaged[: len(damaged) - cut % len(damaged)]))
    except InvalidInput:
        return
    assert read(picture.content) == picture
