"""Structured logs of every process, from which no secret can be read."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

from holdfast.platform.settings import Settings

REDACTED: Final = "[redacted]"

_SECRET_NAMES = re.compile(
    r"pass(word|wd)|secret|token|api[-_]?key|private[-_]?key|authorization|cookie|sealed|credential|signature"
    r"|x-bapi-(api-key|sign)$",
    re.IGNORECASE,
)
_SECRET_TEXTS: Final = (
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+"), r"\1" + REDACTED),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), REDACTED),
    (re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@"), r"\1:" + REDACTED + "@"),
    (
        re.compile(
            r"(?i)\b(api_?key|api_?secret|api_?token|secret|password|token|sign(?:ature)?|x-bapi-(?:api-key|sign))"
            r"""(["']?\s*[=:]\s*["']?)[^\s"'&,}]+"""
        ),
        r"\1\2" + REDACTED,
    ),
)


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: values under secret names, and secrets inside texts, never reach the log."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name) and value not in (None, "", True, False):
        return REDACTED
    return _clean_value(value)


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean_value(inner) for inner in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, int | float | None):
        return value
    return clean_text(str(value))


def clean_text(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def configure_logging(settings: Settings, process: str) -> None:
    """Send structlog and the standard library's loggers through one redacting pipe to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    json = settings.log_format == "json"
    rendering: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=rendering, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    _quiet_libraries()


def _named(process: str) -> Processor:
    def add_process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add_process


def _quiet_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "celery", "kombu"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    for name in (
        "httpx",
        "urllib3",
        "pybit",
        "asyncio",
        "alembic",
        "amqp",
        "celery.worker.strategy",
        "celery.app.trace",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
