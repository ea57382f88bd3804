"""A frame carries an output whole, and a forged one is refused, whatever it says."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.scripts.language import frame
from holdfast.scripts.language import output as out
from holdfast.scripts.language.frame import BadFrame
from holdfast.scripts.language.output import AlertColumn, Fault, InputSpec, Line, Marker, Output, Plot

TEXT = st.text(max_size=40).map(lambda text: out.clean(text, 80))
NAME = st.text(min_size=1, max_size=40).map(lambda text: out.clean(text, 80))
COLOUR = st.integers(0, 7)
NUMBER = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)


@st.composite
def specs(draw: Any) -> InputSpec:
    kind = draw(st.sampled_from(["int", "float", "bool", "choice", "source", "color", "timeframe"]))
    options = None
    if kind == "int":
        default: out.Value = draw(st.integers(-(2**53), 2**53))
    elif kind == "float":
        default = draw(st.floats(-1e15, 1e15))
    elif kind == "bool":
        default = draw(st.booleans())
    else:
        options = draw(st.lists(TEXT, min_size=1, max_size=5))
        default = options[0]
    return InputSpec(
        draw(NAME), draw(TEXT), kind, default, None, None, draw(st.none() | st.floats(0.1, 9)), options
    )


@st.composite
def outputs(draw: Any) -> tuple[Output, int]:
    bars = draw(st.integers(0, 20))
    floats = st.lists(st.floats(allow_infinity=False), min_size=bars, max_size=bars).map(
        lambda values: np.array(values, np.float64)
    )
    flags = st.lists(st.booleans(), min_size=bars, max_size=bars).map(lambda values: np.array(values, bool))
    signs = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=bars, max_size=bars).map(np.array)
    ids = draw(st.lists(NAME, max_size=4, unique=True))
    one = Output(
        draw(TEXT),
        draw(st.booleans()),
        draw(TEXT),
        draw(st.lists(specs(), max_size=3, unique_by=lambda spec: spec.name)),
        [
            Plot(id, draw(TEXT), draw(st.sampled_from(["line", "area"])), "own", draw(COLOUR), draw(floats))
            for id in ids
        ],
        draw(st.lists(st.builds(Line, st.floats(-1e300, 1e300), TEXT, COLOUR), max_size=3)),
        draw(st.lists(st.builds(Marker, TEXT, st.just("up"), st.just("below"), COLOUR, flags), max_size=3)),
        draw(st.none() | signs),
        draw(st.none() | floats),
        draw(st.lists(st.builds(AlertColumn, TEXT, flags), max_size=3)),
        draw(st.lists(TEXT, max_size=3)),
    )
    return one, bars


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__
        )
    return one == other


def full() -> Output:
    return Output(
        "T",
        True,
        "P",
        [InputSpec("length", "Length", "int", 14, 2, 200, 1, None, "help")],
        [Plot("a", "A", "line", "own", 0, np.array([1.5, np.nan, 3]))],
        [Line(30.0, "low", 7)],
        [Marker("m", "up", "below", 2, np.array([True, False, True]))],
        np.array([1.0, 0, -1]),
        np.array([0.5, np.nan, 0]),
        [AlertColumn("hello", np.array([True, False, False]))],
        ["said"],
    )


@settings(max_examples=150, deadline=None)
@given(outputs())
def test_what_goes_in_comes_out(given_output: tuple[Output, int]) -> None:
    output, bars = given_output
    assert same(frame.decode(frame.encode(output, bars), bars), output)


@pytest.mark.parametrize("kind", ["syntax", "script", "limit", "refused", "result"])
def test_errors_come_out(kind: Any) -> None:
    output = Output("T", logs=["a"], error=Fault(kind, "wrong", 3))
    assert same(frame.decode(frame.encode(output, 5), 5), output)


def forged(header: Any = None, logs: Any = None, columns: bytes | None = None, bars: int = 3) -> bytes:
    """A frame as ``full`` makes it, with parts of it replaced."""
    whole = frame.encode(full(), 3)
    _, _, head, log = struct.unpack_from("<8sIII", whole)
    parts = [whole[20 : 20 + head], whole[20 + head : 20 + head + log], whole[20 + head + log :]]
    for at, new in enumerate((header, logs)):
        if new is not None:
            parts[at] = new if isinstance(new, bytes) else json.dumps(new).encode()
    if columns is not None:
        parts[2] = columns
    return struct.pack("<8sIII", b"HFSCRIPT", bars, len(parts[0]), len(parts[1])) + b"".join(parts)


def header(**changed: Any) -> dict[str, Any]:
    whole = frame.encode(full(), 3)
    size = struct.unpack_from("<8sIII", whole)[2]
    found: dict[str, Any] = json.loads(whole[20 : 20 + size])
    for name, value in changed.items():
        target: Any = found
        *way, last = name.split("__")
        for step in way:
            target = target[int(step) if step.isdigit() else step]
        target[int(last) if last.isdigit() else last] = value
    return found


HEADERS = [
    header(title="x" * 81), header(title=5), header(title="a\x00b"), header(title="a\u202eb"),
    header(overlay=1), header(pane=None), header(strange=1), header(signals="yes"), header(target=1),
    {}, [], b"null", "x", 5,
    header(plots=None), header(plots=[1]), header(plots=[["a", "A", "line", "own"]]),
    header(plots=[["a", "A", "line", "own", 0]] * 2), header(plots=[["a", "A", "line", "own", 0]] * 65),
    header(plots__0__0=""), header(plots__0__0="x" * 81), header(plots__0__2="pie"),
    header(plots__0__3="other"),
    header(plots__0__4=8), header(plots__0__4=True), header(plots__0__4=-1), header(plots__0__4=1.0),
    header(plots__0__2=[]), header(plots=[]),
    header(lines__0__0="1"), header(lines__0__0=True), header(lines__0__0=10**400), header(lines__0__2=9),
    header(lines=[[1, "", 0]] * 33),
    header(markers__0__1="star"), header(markers__0__2="left"), header(markers__0__0=None),
    header(markers=[]),
    header(alerts__0="x" * 301), header(alerts__0=5), header(alerts=[]), header(alerts=["x"] * 33),
    header(inputs__0__kind="date"), header(inputs__0__default=1), header(inputs__0__default=1.5),
    header(inputs__0__default=True), header(inputs__0__default=None), header(inputs__0__default=10**30),
    header(inputs__0__min="x"), header(inputs__0__min=[1]), header(inputs__0__name=""),
    header(inputs__0__more=1),
    header(inputs__0__kind="choice"), header(inputs__0__kind="choice", inputs__0__options=[]),
    header(inputs__0__options=["x"] * 51), header(inputs__0__help="x" * 301), header(inputs__0__kind=["int"]),
    header(inputs=[header()["inputs"][0]] * 2), header(inputs=[{}] * 65),
    header(error=["script", "x", 1]), header(error="x"), header(error=["odd", "x", 1]),
    b"\xff\xfe", b"{", b"", b"[" * 60_000, b"1" * 60_000, b'{"title": NaN}', b'"\\ud800"', b"x" * 70_000,
]  # fmt: skip


@pytest.mark.parametrize("wrong", HEADERS, ids=[str(one)[-60:] for one in HEADERS])
def test_a_forged_header_is_refused(wrong: Any) -> None:
    with pytest.raises(BadFrame):
        frame.decode(forged(wrong), 3)


@pytest.mark.parametrize(
    "logs", [["x" * 501], ["x"] * 201, "x", [5], b"null", {"a": 1}, ["\x1b[2J"], b"\xff", b"x" * 500_000]
)
def test_forged_logs_are_refused(logs: Any) -> None:
    with pytest.raises(BadFrame):
        frame.decode(forged(logs=logs), 3)


@pytest.mark.parametrize(
    ("at", "byte"),
    [(48, 2), (49, 0x80), (51, 2), (52, 255), (54, 7)],
    ids=["signal", "signal -128", "m", "m255", "a"],
)
def test_forged_columns_are_refused(at: int, byte: int) -> None:
    """Plot and target of three bars are 48 bytes, then signals, marker and alert."""
    columns = bytearray(frame.encode(full(), 3)[-57:])
    assert frame.decode(forged(columns=bytes(columns)), 3).title == "T"
    columns[at] = byte
    with pytest.raises(BadFrame):
        frame.decode(forged(columns=bytes(columns)), 3)


def test_infinite_values_become_none() -> None:
    columns = bytearray(frame.encode(full(), 3)[-57:])
    columns[0:8] = columns[24:32] = struct.pack("<d", np.inf)
    found = frame.decode(forged(columns=bytes(columns)), 3)
    assert np.isnan(found.plots[0].values[0])
    assert found.target is not None
    assert np.isnan(found.target[0])


def test_an_error_with_a_result_is_refused() -> None:
    said = header(error=["script", "x", 0])
    with pytest.raises(BadFrame):
        frame.decode(forged(said), 3)
    with pytest.raises(BadFrame, match="an error with a result"):
        frame.decode(forged(header(error=["script", "x", 1])), 3)


@pytest.mark.parametrize("bars", [0, 2, 4, 2**31])
def test_a_frame_of_other_bars_is_refused(bars: int) -> None:
    with pytest.raises(BadFrame):
        frame.decode(frame.encode(full(), 3), bars)
    with pytest.raises(BadFrame):
        frame.decode(forged(bars=bars), bars)


def test_a_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadFrame):
        frame.decode(bytes(frame.MOST_BYTES + 1), 3)
    whole = frame.encode(full(), 3)
    for size in range(len(whole)):
        with pytest.raises(BadFrame):
            frame.decode(whole[:size], 3)
    with pytest.raises(BadFrame):
        frame.decode(whole + b"x", 3)
    with pytest.raises(BadFrame):
        frame.decode(whole + whole, 3)
    with pytest.raises(BadFrame):
        frame.decode(b"HFSCRIPT" + b"\xff" * 12, 3)


WHOLE = frame.encode(full(), 3)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: WHOLE[:8] + tail))
@example(b"")
def test_any_bytes_are_read_or_refused(bytes_: bytes) -> None:
    with pytest.raises(BadFrame):
        frame.decode(bytes_, 3)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(at: int, byte: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] = byte
    try:
        found = frame.decode(changed, 3)
    except BadFrame:
        return
    assert len(found.plots) == 1
    assert same(frame.decode(frame.encode(found, 3), 3), found)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(header())), JSONS)
def test_any_json_in_a_member_is_read_or_refused(member: str, value: Any) -> None:
    said = header()
    said[member] = value
    try:
        frame.decode(forged(said), 3)
    except BadFrame:
        return
    assert member in {"title", "pane", "overlay", "inputs", "lines", "error"} or value == header()[member]


def test_nothing_of_pickle_is_near() -> None:
    """A frame is read by this module alone, and it knows no pickle."""
    from holdfast.scripts.language import checks

    for module in (frame, checks):
        assert module.__file__ is not None
        with open(module.__file__) as source:
            text = source.read()
        assert "pickle" not in text
        assert "eval(" not in text
