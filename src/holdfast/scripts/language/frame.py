"""An output as bytes, on its way out of the jail. What comes from there was perhaps forged: reading it trusts
nothing, keeps every limit, and runs no code. Pure.

Eight bytes of magic; then, little-endian, three numbers of 32 bits: bars, bytes of the header, bytes of the
logs; header and logs as JSON; one column after the other: plots and target as float64, signals as int8,
markers and alerts as one byte of 0 or 1 per bar. Nothing comes after.
"""

import json
import struct
from dataclasses import asdict
from typing import Any, Final, cast

import numpy as np

from holdfast.scripts.language import checks
from holdfast.scripts.language import output as out
from holdfast.scripts.language.checks import BadFrame
from holdfast.scripts.language.output import (
    AlertColumn,
    Flags,
    Floats,
    Marker,
    Output,
    Pane,
    Place,
    Plot,
    PlotKind,
    Shape,
)

__all__ = ["MOST_BYTES", "BadFrame", "TooLarge", "check", "decode", "encode", "width"]

MAGIC: Final = b"HFSCRIPT"
MOST_BYTES: Final = 32 * 2**20
"""Of a whole frame: target and signals of two million bars, or the 64 plots of 60,000."""
MOST_HEADER: Final = 64 * 2**10
MOST_LOG_BYTES: Final = out.MOST_LOGS * (4 * out.LONGEST_LOG + 8)

_HEAD: Final = struct.Struct("<8sIII")
_dumps = json.dumps  # a script that patches json spoils nothing here


class TooLarge(ValueError):
    """This output has more in it than a frame may hold; the message says what to do."""


def encode(output: Output, bars: int) -> bytes:
    """The output as a frame. Its columns have ``bars`` values each.

    Raises:
        TooLarge: there is more in it than a frame may hold.
    """
    header, logs = _texts(output, bars)
    columns = [column.tobytes() for column in _columns(output)]
    return b"".join((_HEAD.pack(MAGIC, bars, len(header), len(logs)), header, logs, *columns))


def check(output: Output, bars: int) -> None:
    """Raises ``TooLarge`` as ``encode`` would."""
    _texts(output, bars)


def _texts(output: Output, bars: int) -> tuple[bytes, bytes]:
    header, logs = _text(_header(output)), _text(output.logs)
    if len(header) > MOST_HEADER:
        raise TooLarge("The labels, options and helps are too long together. Shorten them, or use fewer.")
    size = _HEAD.size + len(header) + len(logs) + width(output) * bars
    if size > MOST_BYTES:
        raise TooLarge(
            f"The result has {size / 2**20:.0f} MiB; {MOST_BYTES // 2**20} MiB is the most. "
            "Draw fewer plots, or run over fewer bars."
        )
    return header, logs


def width(output: Output) -> int:
    """Bytes of a frame for each bar."""
    floats = len(output.plots) + (output.target is not None)
    return 8 * floats + (output.signals is not None) + len(output.markers) + len(output.alerts)


def decode(frame: bytes | bytearray | memoryview, bars: int) -> Output:
    """The output in a frame that should be over so many bars. Infinite values become NaN.

    Raises:
        BadFrame: anything in it is not as it should be.
    """
    view = memoryview(frame)
    if not _HEAD.size <= len(view) <= MOST_BYTES:
        raise BadFrame(f"a frame of {len(view)} bytes")
    magic, count, header_size, log_size = _HEAD.unpack_from(view)
    if magic != MAGIC or count != bars:
        raise BadFrame("not a frame, or one of other bars")
    if header_size > MOST_HEADER or log_size > MOST_LOG_BYTES:
        raise BadFrame("header or logs are too long")
    logs_at = _HEAD.size + header_size
    body = logs_at + log_size
    if body > len(view):
        raise BadFrame("a frame that is cut off")
    header, logs = checks.parse(view[_HEAD.size : logs_at]), checks.parse(view[logs_at:body])
    return _output(checks.members(header, _MEMBERS), logs, _Columns(view[body:], bars))


# --- writing ------------------------------------------------------------------------------------------------


def _header(output: Output) -> dict[str, Any]:
    error = output.error
    return {
        "title": output.title,
        "overlay": output.overlay,
        "pane": output.pane,
        "inputs": [asdict(one) for one in output.inputs],
        "plots": [[one.id, one.label, one.kind, one.pane, one.colour] for one in output.plots],
        "lines": [[one.value, one.label, one.colour] for one in output.lines],
        "markers": [[one.label, one.shape, one.at, one.colour] for one in output.markers],
        "alerts": [one.message for one in output.alerts],
        "signals": output.signals is not None,
        "target": output.target is not None,
        "error": None if error is None else [error.kind, error.message, error.line],
    }


_MEMBERS: Final = frozenset(_header(Output("")))


def _columns(output: Output) -> list[Any]:
    columns: list[Any] = [one.values.astype("<f8", copy=False) for one in output.plots]
    if output.target is not None:
        columns.append(output.target.astype("<f8", copy=False))
    if output.signals is not None:
        columns.append(output.signals.astype(np.int8))
    flags = [*(one.on for one in output.markers), *(one.on for one in output.alerts)]
    return columns + [one.astype(np.uint8) for one in flags]


def _text(value: Any) -> bytes:
    return _dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


# --- reading ------------------------------------------------------------------------------------------------


class _Columns:
    """What is left of the frame, taken column by column."""

    def __init__(self, rest: memoryview, bars: int) -> None:
        self._rest = rest
        self._bars = bars

    @property
    def done(self) -> bool:
        return not len(self._rest)

    def _take(self, kind: str) -> Any:
        dtype = np.dtype(kind)
        size = dtype.itemsize * self._bars
        if len(self._rest) < size:
            raise BadFrame("a column is cut off")
        column = np.frombuffer(bytes(self._rest[:size]), dtype) if size else np.empty(0, dtype)
        self._rest = self._rest[size:]
        return column

    def floats(self) -> Floats:
        column = self._take("<f8")
        return cast(Floats, np.where(np.isfinite(column), column, np.nan))

    def signals(self) -> Floats:
        column = self._take("i1")
        if np.any((column < -1) | (column > 1)):
            raise BadFrame("a signal that is not -1, 0 or 1")
        return cast(Floats, column.astype(np.float64))

    def flags(self) -> Flags:
        column = self._take("u1")
        if np.any(column > 1):
            raise BadFrame("a flag that is not 0 or 1")
        return cast(Flags, column.astype(np.bool_))


def _output(said: dict[str, Any], logs: Any, columns: _Columns) -> Output:
    inputs = [checks.input_spec(one) for one in checks.listed(said["inputs"], out.MOST_INPUTS)]
    plots = [_plot(one, columns) for one in checks.listed(said["plots"], out.MOST_PLOTS)]
    target = columns.floats() if checks.truth(said["target"]) else None
    signals = columns.signals() if checks.truth(said["signals"]) else None
    markers = [_marker(one, columns) for one in checks.listed(said["markers"], out.MOST_MARKERS)]
    alerts = [
        AlertColumn(checks.text(one, out.LONGEST_TEXT), columns.flags())
        for one in checks.listed(said["alerts"], out.MOST_ALERTS)
    ]
    output = Output(
        title=checks.text(said["title"], out.LONGEST_NAME),
        overlay=checks.truth(said["overlay"]),
        pane=checks.text(said["pane"], out.LONGEST_NAME),
        inputs=inputs,
        plots=plots,
        lines=[checks.level(one) for one in checks.listed(said["lines"], out.MOST_LINES)],
        markers=markers,
        signals=signals,
        target=target,
        alerts=alerts,
        logs=[checks.text(one, out.LONGEST_LOG) for one in checks.listed(logs, out.MOST_LOGS)],
        error=checks.fault(said["error"]),
    )
    if not columns.done:
        raise BadFrame("there is something after the last column")
    if output.error is not None and (width(output) or output.lines):
        raise BadFrame("an error with a result")
    for names in ([one.name for one in inputs], [one.id for one in plots]):
        if len(set(names)) != len(names):
            raise BadFrame("two inputs or plots have one name")
    return output


def _plot(row: Any, columns: _Columns) -> Plot:
    id, label, kind, pane, colour = checks.row(row, 5)
    return Plot(
        id=checks.name(id),
        label=checks.text(label, out.LONGEST_NAME),
        kind=checks.one_of(kind, PlotKind),
        pane=checks.one_of(pane, Pane),
        colour=checks.colour(colour),
        values=columns.floats(),
    )


def _marker(row: Any, columns: _Columns) -> Marker:
    label, shape, at, colour = checks.row(row, 4)
    return Marker(
        label=checks.text(label, out.LONGEST_NAME),
        shape=checks.one_of(shape, Shape),
        at=checks.one_of(at, Place),
        colour=checks.colour(colour),
        on=columns.flags(),
    )
