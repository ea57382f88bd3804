"""Text from strangers as plain text. Pure."""

import re
import unicodedata
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

_ROUNDS: Final = 4
"""How often escaped markup is looked for inside of what was unescaped."""
_SILENT: Final = frozenset({"script", "style", "template", "noscript"})
_OPENING: Final = re.compile(r"<(?=[a-zA-Z/!?])")
LONGEST_URL: Final = 2_000


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def plain_text(value: object, most: int) -> str:
    """``value`` without markup, control and direction characters, on one line of at most ``most`` characters;
    "" if it is no text."""
    if not isinstance(value, str):
        return ""
    text = value[: 20 * most]
    for _ in range(_ROUNDS):
        stripped = _without_markup(text)
        if stripped == text:
            break
        text = stripped
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in _OPENING.sub("‹", text))
    line = " ".join(visible.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _without_markup(text: str) -> str:
    reader = _Text()
    reader.feed(text)
    reader.close()
    return "".join(reader.parts)


def web_address(value: object) -> str:
    """An http or https address, or ""."""
    if not isinstance(value, str) or len(value) > LONGEST_URL or not value.isprintable() or " " in value:
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in ("http", "https") and parts.hostname else ""
