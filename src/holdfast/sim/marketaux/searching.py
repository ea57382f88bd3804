"""Marketaux's query language: + and, | or, - not, "phrase", prefix*, (grouping), backslash for literals."""

import re
from collections.abc import Callable
from typing import Final

Matcher = Callable[[str], bool]

_TOKENS: Final = re.compile(r'\s*(?:(?P<sign>[+|()-])|"(?P<phrase>[^"]*)"|(?P<word>(?:\\.|[^\s+|()"])+))')
LONGEST: Final = 500
DEEPEST: Final = 20


def matcher(query: str) -> Matcher:
    """Whether a text (of any case) holds what ``query`` asks for; words side by side are all wanted.

    Raises:
        ValueError: the query cannot be read.
    """
    if len(query) > LONGEST:
        raise ValueError("too long")
    return _Reader(query).whole()


class _Reader:
    def __init__(self, query: str) -> None:
        self._tokens = [found for found in _TOKENS.finditer(query) if found.group().strip()]
        self._at = 0
        self._depth = 0

    def whole(self) -> Matcher:
        found = self._either()
        if self._at < len(self._tokens):
            raise ValueError("unbalanced")
        return found

    def _sign(self) -> str:
        return self._tokens[self._at]["sign"] or "" if self._at < len(self._tokens) else "end"

    def _either(self) -> Matcher:
        choices = [self._all()]
        while self._sign() == "|":
            self._at += 1
            choices.append(self._all())
        return lambda text: any(choice(text) for choice in choices)

    def _all(self) -> Matcher:
        parts: list[Matcher] = []
        while self._sign() not in ("|", ")", "end"):
            if self._sign() == "+":
                self._at += 1
                continue
            parts.append(self._one())
        if not parts:
            raise ValueError("something is missing")
        return lambda text: all(part(text) for part in parts)

    def _one(self) -> Matcher:
        sign = self._sign()
        if sign == "end":
            raise ValueError("something is missing")
        token = self._tokens[self._at]
        self._at += 1
        if sign == "-":
            unwanted = self._one()
            return lambda text: not unwanted(text)
        if sign == "(":
            return self._group()
        if sign:
            raise ValueError("unbalanced")
        return _term(token["phrase"], token["word"])

    def _group(self) -> Matcher:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("nested too deeply")
        inner = self._either()
        if self._sign() != ")":
            raise ValueError("unbalanced")
        self._at += 1
        self._depth -= 1
        return inner


def _term(phrase: str | None, word: str | None) -> Matcher:
    plain = phrase if phrase is not None else re.sub(r"\\(.)", r"\1", word or "")
    prefix = phrase is None and (word or "").endswith("*") and not (word or "").endswith("\\*")
    body = re.escape(plain.removesuffix("*") if prefix else plain)
    wanted = re.compile(rf"(?<!\w){body}" + ("" if prefix else r"(?!\w)"), re.IGNORECASE)
    return lambda text: wanted.search(text) is not None
