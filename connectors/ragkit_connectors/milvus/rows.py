"""Points as rows: what conditions compare in columns of its own, and all that is read back as JSON.

A column of text holds at most 65,535 bytes, so JSON lies in lists of slices: any text goes in, and comes back
as it was.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import CHUNKS, Found, Place, Point
from ragkit_connectors.milvus.codes import NOBODYS, code, number
from ragkit_connectors.milvus.expressions import LISTS, Ended, end_of, extreme, key_of

DENSE, TERMS = "dense", "sparse"  # the two vectors of a chunk
SLICE = 15_000  # characters of a slice, each of which takes up to four bytes
MOST_SLICES = 520  # of a column: a row of some megabytes, which every message queue behind Milvus takes
MOST_IN_LIST = 4096  # Milvus' limit
SAID = {CHUNKS: ("tenant", "id", "doc"), "records": ("tenant", "key", "kind", "uri", "state")}
_GROUPS = {
    "id": "judged", "tenant": "judged", "acl": "judged", "shape": "judged",
    "n": "counted", "terms": "counted", "counts": "counted",
}  # fmt: skip
_NUMBERS = ("from", "to")
BODIES = ("judged", "counted", "content")


def row_of(point: Point, place: Place, where: str) -> dict[str, Any]:
    """A point as it is written.

    Raises:
        StoreError: it is larger than a row may be.
    """
    payload = point.payload
    row: dict[str, Any] = {"pk": point.id}
    row |= {key: code(str(payload[key])) if key in payload else "" for key in SAID[place]}
    row |= {"from_commit": payload.get("from", OPEN), "to_commit": payload.get("to", OPEN)}
    bodies: dict[str, dict[str, Any]] = {name: {} for name in bodies_of(place)}
    for key, value in payload.items():
        if key not in _NUMBERS and key != "r":
            bodies[_GROUPS.get(key, "content") if place == CHUNKS else "content"][key] = value
    row |= {name: _sliced(body, payload, where) for name, body in bodies.items()}
    if place == CHUNKS:
        assert point.vector is not None
        row |= {key: _listed(payload.get(key) or (), key, payload, where) for key in LISTS}
        row |= {"r": _extremes(payload.get("r") or (), payload, where)}
        row |= {DENSE: point.vector.tolist(), TERMS: summed(term_weights(payload))}
    else:
        row |= {"ends_ms": payload.get("ends_ms", 0), DENSE: [0.0, 1.0]}
    return row


def bodies_of(place: Place) -> tuple[str, ...]:
    """The columns that hold what is read back."""
    return BODIES if place == CHUNKS else ("content",)


def columns_of(keys: Collection[str], place: Place, *, vectors: bool = False) -> list[str]:
    """The columns in which keys lie."""
    groups = {_GROUPS.get(key, "content") if place == CHUNKS else "content" for key in keys}
    columns = {"pk", "from_commit", "to_commit", key_of(place)} | groups
    return sorted(columns | ({"k"} if "k" in keys else set()) | ({DENSE} if vectors else set()))


def found_of(row: Mapping[str, Any], place: Place, ended: Collection[Ended], *, score: float = 0.0) -> Found:
    """A row as it comes back.

    Raises:
        CorruptIndexError: it is not what was written.
    """
    payload: dict[str, Any] = {}
    for name in bodies_of(place):
        if name in row:
            payload |= joined(row[name])
    if row["from_commit"] != OPEN:
        payload |= {"from": int(row["from_commit"]), "to": end_of(row, place, ended)}
    if "k" in row and list(row["k"]) != [code(word) for word in payload.get("k") or ()]:
        payload["k"] = list(row["k"])  # which are none of the words that were written
    vector = row.get(DENSE) if place == CHUNKS else None
    if vector is None:
        return Found(payload, score=score)
    return Found(payload, read_vector=lambda: np.asarray(vector, dtype=np.float32), score=score)


def joined(slices: Sequence[str]) -> dict[str, Any]:
    """What lies in a list of slices.

    Raises:
        CorruptIndexError: it is not what was written.
    """
    try:
        body = json.loads("".join(slices))
    except (ValueError, TypeError) as e:
        raise CorruptIndexError(
            f"a row of the index is damaged ({e}). Restore the collections from a backup, or ingest again"
        ) from e
    if not isinstance(body, dict):
        raise CorruptIndexError("a row of the index is damaged. Restore the collections from a backup")
    return body


def summed(weights: Mapping[str, float]) -> dict[int, float]:
    """A sparse vector of terms' weights. Two terms may share a place: then both count, never less.

    Without a term it holds a place that no question asks for, for versions differ in whether it may be empty.
    """
    out: dict[int, float] = {}
    for term, weight in weights.items():
        place = number(term)
        out[place] = out.get(place, 0.0) + weight
    return out or {NOBODYS: 1.0}


def _sliced(body: Mapping[str, Any], payload: Mapping[str, Any], where: str) -> list[str]:
    text = json.dumps(body, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    if len(text) > SLICE * MOST_SLICES:
        raise StoreError(
            f"{where}: {_named(payload)} takes {len(text):,} characters, and a row at most "
            f"{SLICE * MOST_SLICES:,}. Split the document"
        )
    return [text[first : first + SLICE] for first in range(0, len(text), SLICE)]


def _listed(values: Sequence[str], key: str, payload: Mapping[str, Any], where: str) -> list[str]:
    if len(values) > MOST_IN_LIST:
        what = {"acl": "groups", "k": "values of metadata", "terms": "different terms"}[key]
        raise StoreError(
            f"{where}: {_named(payload)} has {len(values):,} {what}, and Milvus takes lists of at most "
            f"{MOST_IN_LIST:,}. Cut it into smaller chunks, or give it less metadata"
        )
    return [code(value) for value in values]


def _extremes(
    places: Sequence[Mapping[str, Any]], payload: Mapping[str, Any], where: str
) -> dict[str, float]:
    out: dict[str, float] = {}
    for one in places:
        most, least = extreme(one["n"], "gte"), extreme(one["n"], "lte")
        out[most] = max(out.get(most, one["v"]), one["v"])
        out[least] = min(out.get(least, one["v"]), one["v"])
    if len(json.dumps(out)) > 4 * SLICE:
        raise StoreError(
            f"{where}: {_named(payload)} has {len(places):,} numbers and times in its metadata, more than a "
            f"row of Milvus takes. Give it less metadata"
        )
    return out


def _named(payload: Mapping[str, Any]) -> str:
    name = payload.get("name")
    return "a record of a document" if name is None else f"document {str(name)[:80]!r}"
