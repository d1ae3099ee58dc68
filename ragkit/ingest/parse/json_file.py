"""JSON and JSON Lines → a line `path: value` for each leaf; each record is a block."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import MAX_CHARACTERS, CanonicalText, Parsed, too_long
from ragkit.ingest.parse.limits import MAX_DEPTH, too_deep
from ragkit.types import MetadataValue

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[^\s.\[\]:]+")
_MAX_NOTES = 10


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs, so that a key written twice keeps both values."""


def parse_json(text: str) -> Parsed:
    """Canonical text of a JSON document; the elements of a top-level array are its records.

    A file of several documents, one per line, is read as JSON Lines whatever it is called. Numbers stay as
    they are written. NaN and Infinity, which JSON does not have, and keys written twice are kept and noted.

    Raises:
        DocumentError: not valid JSON, or nested too deep.

    >>> parse_json('{"shop": {"open": "9-18", "days": ["Mon", "Tue"]}}').text
    'shop.open: 9-18\\nshop.days[0]: Mon\\nshop.days[1]: Tue'
    """
    reader = _Reader()
    try:
        value = reader.read(text, "")
    except _ExtraDataError:
        return parse_json_lines(text)
    out = CanonicalText()
    if isinstance(value, _Pairs):
        for i, (key, part) in enumerate(value):
            # A top-level value that has parts stands apart, single values stand together.
            out.block(_record(part, _key(key)), tight=i > 0 and not _has_parts(part))
    else:
        for record in value if isinstance(value, list) else [value]:
            out.block(_record(record))
    return out.build(reader.metadata())


def parse_json_lines(text: str) -> Parsed:
    """Canonical text of JSON Lines: one record per line, one block per record.

    Raises:
        DocumentError: a line that is not valid JSON; the message has its number.

    >>> parse_json_lines('{"q": "Where?", "n": 1}\\n{"q": "When?"}').text
    'q: Where?\\nn: 1\\n\\nq: When?'
    """
    reader = _Reader()
    out = CanonicalText()
    # Not splitlines: JSON strings may hold U+2028 and its like as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            out.block(_record(reader.read(line, f"line {number}, ")))
    return out.build(reader.metadata())


class _ExtraDataError(DocumentError):
    """One JSON document ended and another began."""


class _Reader:
    def __init__(self) -> None:
        self._notes: dict[str, None] = {}

    def read(self, text: str, where: str) -> Any:
        _check_depth(text)
        try:
            return json.loads(
                text,
                object_pairs_hook=self._pairs,
                parse_int=str,
                parse_float=str,
                parse_constant=self._constant,
            )
        except json.JSONDecodeError as e:
            place = f"{where}column {e.colno}" if where else f"line {e.lineno}, column {e.colno}"
            reason = f"not valid JSON at {place}: {e.msg}. Mend it, or ingest it as plain text (.txt)"
            if e.msg == "Extra data" and not where:
                raise _ExtraDataError(reason, stage="parse") from e
            raise DocumentError(reason, stage="parse") from e

    def metadata(self) -> dict[str, MetadataValue]:
        return {"notes": tuple(self._notes)} if self._notes else {}

    def _pairs(self, pairs: list[tuple[str, Any]]) -> _Pairs:
        counts = Counter(key for key, _ in pairs)
        if len(counts) < len(pairs):
            twice = counts.most_common(1)[0][0]
            self._note(f"the key {twice[:80]!r} is written more than once in an object; all values are kept")
        return _Pairs(pairs)

    def _constant(self, name: str) -> str:
        self._note(f"{name} is not JSON; it was kept as text")
        return name

    def _note(self, note: str) -> None:
        if len(self._notes) < _MAX_NOTES:
            self._notes[note] = None


def _check_depth(text: str) -> None:
    """Counted beforehand: the decoder's own limit depends on what the process has on its stack."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise too_deep("JSON arrays and objects")
        elif mark in "]}":
            depth -= 1


def _record(value: Any, path: str = "") -> str:
    lines = []
    room = MAX_CHARACTERS
    for line in _lines(value, path):
        room -= len(line)
        if room < 0:
            raise too_long()
        lines.append(line)
    return "\n".join(lines)


def _lines(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Pairs) and value:
        for key, part in value:
            yield from _lines(part, f"{path}.{_key(key)}" if path else _key(key))
    elif isinstance(value, list) and value:
        for i, part in enumerate(value):
            yield from _lines(part, f"{path}[{i}]")
    else:
        yield f"{path}: {_leaf(value)}" if path else _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, _Pairs):
        return "{}"
    return json.dumps(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _has_parts(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
