"""Points as records of Pinecone, and back: what is asked for as metadata, texts as parts elsewhere."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragkit.errors import StoreError
from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import CHUNKS, Place, Point
from ragkit.store.remote.tokens import impact_tokens, place_tokens, token, tokens_of
from ragkit_connectors.pinecone.filters import COLUMNS, IMPACTS

MOST_BYTES = 40_000  # of a record's metadata: the server takes 40 KB
_PART_BYTES = 30_000
_LONG, _MOST_UNPACKED = 4_000, 100_000_000
_MANY = {"acl", "terms", "k"}
NUMBERS: dict[Place, tuple[str, ...]] = {
    "chunks": ("from", "to"),
    "records": ("from", "to", "ends_ms", "commit"),
}
_TEXTS: dict[Place, tuple[str, ...]] = {
    "chunks": ("id", "doc", "tenant", "acl", "terms", "k"),
    "records": ("kind", "key", "tenant", "uri", "state", "holder"),
}
# What lies with the chunk, so that a hit can be judged and scored; all else is in its parts.
_NEAR = {"judged": ("id", "tenant", "acl", "shape"), "counted": ("n", "terms", "counts")}
N_PARTS, PART = "parts", "part"


def row_of(place: Place, point: Point, where: str) -> tuple[dict[str, Any], list[str]]:
    """The metadata of a point, and its parts.

    Raises:
        StoreError: the metadata is larger than the server takes.
    """
    payload = point.payload
    row: dict[str, Any] = {COLUMNS[key]: payload[key] for key in NUMBERS[place] if key in payload}
    for key in _TEXTS[place]:
        if key in payload:
            row[COLUMNS[key]] = tokens_of(payload[key]) if key in _MANY else token(payload[key])
    rest = {key: value for key, value in payload.items() if key not in NUMBERS[place]}
    if place == CHUNKS:
        row[COLUMNS["k"]] = [*row[COLUMNS["k"]], *place_tokens(payload["r"])]
        row[IMPACTS] = impact_tokens(term_weights(payload))
        for part, keys in _NEAR.items():
            row[part] = _packed(_dumped({key: rest.pop(key) for key in keys}))
    parts = list(_pieces(_dumped(rest)))
    row[N_PARTS] = len(parts)
    size = len(_dumped(row).encode())
    if size > MOST_BYTES:
        raise StoreError(
            f"{where}: the words and metadata of a chunk of document {str(payload.get('name'))[:80]!r} take "
            f"{size:,} bytes, and Pinecone takes {MOST_BYTES:,}. Lower ingest.chunk.size, or "
            "keep less metadata"
        )
    return row, parts


def payload_of(row: Mapping[str, Any], place: Place, parts: str | None) -> dict[str, Any]:
    """The keys of a record as it came back; those of its parts where these were read."""
    payload: dict[str, Any] = {key: int(row[COLUMNS[key]]) for key in NUMBERS[place] if COLUMNS[key] in row}
    for part in _NEAR if place == CHUNKS else ():
        payload |= json.loads(_unpacked(row[part]))
    return payload if parts is None else payload | json.loads(parts)


def needs_parts(place: Place, keys: Sequence[str]) -> bool:
    """Whether some keys lie in the parts."""
    near = {key for held in _NEAR.values() for key in held} if place == CHUNKS else set[str]()
    return bool(set(keys) - near - set(NUMBERS[place]))


def part_ids(identity: str, n: int) -> list[str]:
    """The ids of the parts of a point."""
    return [f"{identity}.{i}" for i in range(n)]


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces of at most so many bytes, none of which ends within a character."""
    data, first = text.encode(), 0
    while first < len(data):
        last = min(first + _PART_BYTES, len(data))
        while last < len(data) and data[last] & 0xC0 == 0x80:
            last -= 1
        yield data[first:last].decode()
        first = last


def _packed(text: str) -> str:
    """A text, compressed where it is long: JSON begins with a brace, what is compressed does not."""
    if len(text) < _LONG:
        return text
    return "z" + base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(text: str) -> str:
    if not text.startswith("z"):
        return text
    return zlib.decompressobj().decompress(base64.b64decode(text[1:]), _MOST_UNPACKED).decode()


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
