"""The one record that says which commit is current, who may write, and which numbers were given up.

It is one point, changed only by `set_payload` under a condition on what it holds: the server applies that in
one step, so of two that want to move it from the same place one does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, CorruptIndexError
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant.filters import Condition, all_of, any_of, equals, in_range, is_among, none_of
from ragkit_connectors.qdrant.server import Server
from ragkit_connectors.qdrant.tokens import point_id

if TYPE_CHECKING:
    from qdrant_client import models

FORMAT_VERSION = 1
OPEN = 2**50  # `to` of what no commit has ended
_HEAD = point_id("head")
_MADE_BY = "ragkit"


@dataclass(frozen=True, slots=True)
class Head:
    """What the record says.

    Args:
        number: the current commit.
        kept_from: the oldest commit that can still be read in full.
        generation: how often something was collected.
        to_erase: whether something that was to be erased is still there.
        intent: the number that a commit was begun under and has not reached; 0 for none.
        burnt: numbers of commits that were begun and never happened. What carries one is as if unwritten,
            whenever it arrives.
        owner: who may write; empty for nobody.
        expires_ms: until when, by the clock of the owner.
    """

    number: int
    kept_from: int
    generation: int
    to_erase: bool
    intent: int
    burnt: tuple[int, ...]
    owner: str
    expires_ms: int
    spec: str

    @property
    def next_number(self) -> int:
        """A number that no commit was ever begun under."""
        return max((self.number, self.intent, *self.burnt)) + 1

    def shows(self, commit: int) -> Condition:
        """What a commit shows: begun by then, not ended by then."""
        burnt = [number for number in self.burnt if number <= commit]
        is_left = any_of([in_range("to", gt=commit), is_among("to", burnt)])
        return all_of([in_range("from", lte=commit), is_left, none_of(is_among("from", burnt))])

    def is_shown(self, payload: dict[str, Any], commit: int) -> bool:
        """The same of one point."""
        first, last = payload["from"], payload["to"]
        return first <= commit and first not in self.burnt and (last > commit or last in self.burnt)

    def stands(self) -> Condition:
        """What no commit has ended that happened."""
        return is_among("to", [OPEN, *self.burnt])


def read(server: Server) -> Head:
    """The record.

    Raises:
        CorruptIndexError: it is not there.
    """
    found = server.call("retrieve", collection_name=server.settings.meta, ids=[_HEAD], with_payload=True)
    if not found:
        raise CorruptIndexError(
            f"{server.where}: the record of commits is gone from {server.settings.meta}. Restore both "
            "collections from a snapshot, or ingest again"
        )
    raw = found[0].payload
    return Head(
        number=raw["number"], kept_from=raw["kept_from"], generation=raw["generation"],
        to_erase=raw["to_erase"], intent=raw["intent"], burnt=tuple(raw["burnt"]), owner=raw["owner"],
        expires_ms=raw["expires_ms"], spec=raw["spec"],
    )  # fmt: skip


def change(server: Server, payload: dict[str, Any], **expected: str | int) -> None:
    """Changes the record if it holds what is expected. Whether it did, reading it tells."""
    from qdrant_client import models

    conditions = [models.HasIdCondition(has_id=[_HEAD]), *(equals(k, v) for k, v in expected.items())]
    server.set(server.settings.meta, payload, all_of(conditions))


def first_point(spec: StoreSpec) -> models.PointStruct:
    """The record of an index without commits."""
    from qdrant_client import models

    payload = {
        "kind": "head", "made_by": _MADE_BY, "format": FORMAT_VERSION, "spec": spec.to_json(), "number": 0,
        "kept_from": 0, "generation": 0, "to_erase": False, "intent": 0, "burnt": [], "owner": "",
        "expires_ms": 0,
    }  # fmt: skip
    return models.PointStruct(id=_HEAD, vector={}, payload=payload)


def is_there(server: Server) -> bool:
    """Whether the collection beside the chunks' is one of ours.

    Raises:
        ConfigError: it is, of a format that this version does not read.
    """
    found: Sequence[Any] = server.call(
        "retrieve", collection_name=server.settings.meta, ids=[_HEAD], with_payload=["made_by", "format"]
    )
    if not found or found[0].payload.get("made_by") != _MADE_BY:
        return False
    if (version := found[0].payload.get("format")) != FORMAT_VERSION:
        raise ConfigError(
            f"{server.where}: format {version!r}, and this version of ragkit reads {FORMAT_VERSION}. Use the "
            "version that made it, or ingest again into another collection"
        )
    return True


def recorded_spec(head: Head, where: str) -> StoreSpec:
    """What the index was made for.

    Raises:
        CorruptIndexError: it is unreadable.
    """
    try:
        return StoreSpec.from_json(head.spec)
    except (json.JSONDecodeError, ValueError, KeyError, TypeError) as e:
        raise CorruptIndexError(
            f"{where}: what it was made with is unreadable ({e}). Restore both collections from a snapshot, "
            "or ingest again"
        ) from e
