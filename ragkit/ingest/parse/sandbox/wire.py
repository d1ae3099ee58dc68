"""What passes between the two processes: length-prefixed frames, and `Parsed` as plain JSON.

The worker has read hostile input, so its reply is checked as hostile input is: types, ranges and sizes. There
is no pickle, which would run what it is told to.
"""

from __future__ import annotations

import struct
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO

from ragkit.ingest.parse.canonical import Parsed
from ragkit.types import Metadata, MetadataValue, Section, Span

_LENGTH = struct.Struct("<Q")


class WireError(Exception):
    """A frame or reply that is not as agreed."""


def write_frame(stream: BinaryIO, payload: bytes) -> None:
    """Writes one frame and flushes it."""
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def read_frame(stream: BinaryIO, *, max_bytes: int) -> bytes | None:
    """The next frame, or None at the end of the stream.

    Raises:
        WireError: it is longer than `max_bytes`, or the stream ends within it.
    """
    head = stream.read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise WireError("the stream ended within a length")
    (length,) = _LENGTH.unpack(head)
    if length > max_bytes:
        raise WireError(f"a frame of {length:,} bytes; at most {max_bytes:,} are taken")
    payload = stream.read(length)
    if len(payload) < length:
        raise WireError("the stream ended within a frame")
    return payload


def parsed_as_json(parsed: Parsed) -> dict[str, object]:
    """A parser's result as values that JSON has."""
    return {
        "text": parsed.text,
        "sections": [[s.title, s.span.start, s.span.end, s.level] for s in parsed.sections],
        "blocks": list(chain.from_iterable((s.start, s.end) for s in parsed.blocks)),
        "pages": list(chain.from_iterable((s.start, s.end) for s in parsed.pages)),
        "metadata": {k: list(v) if isinstance(v, tuple) else v for k, v in parsed.metadata.items()},
    }


def parsed_from_json(reply: object) -> Parsed:
    """The result in a reply.

    Raises:
        WireError: it is not one: a wrong type, or a span outside the text.
    """
    if not isinstance(reply, dict) or not isinstance(reply.get("text"), str):
        raise WireError("a reply without a text")
    text: str = reply["text"]
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise WireError("a text with half a character") from e
    return Parsed(
        text,
        sections=tuple(_section(row, len(text)) for row in _listed(reply, "sections")),
        blocks=_spans(_listed(reply, "blocks"), len(text)),
        pages=_spans(_listed(reply, "pages"), len(text)),
        metadata=_metadata(reply.get("metadata")),
    )


def _listed(reply: dict[str, object], name: str) -> list[object]:
    value = reply.get(name)
    if not isinstance(value, list):
        raise WireError(f"{name} is not a list")
    return value


def _section(row: object, length: int) -> Section:
    if not isinstance(row, list) or len(row) != 4 or not isinstance(row[0], str) or type(row[3]) is not int:
        raise WireError("a section that is none")
    return Section(row[0], span=_span(row[1], row[2], length), level=row[3])


def _spans(ends: list[object], length: int) -> tuple[Span, ...]:
    if len(ends) % 2:
        raise WireError("a span without an end")
    return tuple(_span(start, end, length) for start, end in zip(ends[::2], ends[1::2], strict=True))


def _span(start: object, end: object, length: int) -> Span:
    # `type` and not `isinstance`: True is an int.
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= length:
        raise WireError("a span outside the text")
    return Span(start, end)


def _metadata(values: object) -> Metadata:
    if not isinstance(values, dict):
        raise WireError("metadata that is no mapping")
    return MappingProxyType({str(key): _value(value) for key, value in values.items()})


def _value(value: object) -> MetadataValue:
    if isinstance(value, list):
        if not all(isinstance(v, str | int | float) for v in value):
            raise WireError("a metadata list of other than scalars")
        return tuple(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise WireError("a metadata value that is no scalar")
