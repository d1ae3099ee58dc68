"""The one record that says which commit is current, who may write, and which numbers were given up.

It is changed only under a condition on what it holds, in one step of the server: of two that want to move it
from the same place one does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.store.remote.conditions import Condition, all_of, any_of, in_range, is_among, none_of
from ragkit.store.remote.server import Point, RemoteServer
from ragkit.store.remote.words import point_id
from ragkit.store_spec import StoreSpec

FORMAT_VERSION = 1
OPEN = 2**50  # `to` of what no commit has ended
HEAD = point_id("head")
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


def read(server: RemoteServer) -> Head:
    """The record.

    Raises:
        CorruptIndexError: it is not there.
    """
    raw = server.head()
    if raw is None:
        raise CorruptIndexError(
            f"{server.where}: the record of commits is gone. {server.restore}, or ingest again"
        )
    return Head(
        number=raw["number"], kept_from=raw["kept_from"], generation=raw["generation"],
        to_erase=raw["to_erase"], intent=raw["intent"], burnt=tuple(raw["burnt"]), owner=raw["owner"],
        expires_ms=raw["expires_ms"], spec=raw["spec"],
    )  # fmt: skip


def change(server: RemoteServer, values: dict[str, Any], **expected: str | int) -> None:
    """Changes the record if it holds what is expected. Whether it did, reading it tells."""
    server.change_head(values, expected)


def first_point(spec: StoreSpec) -> Point:
    """The record of an index without commits."""
    payload = {
        "kind": "head", "made_by": _MADE_BY, "format": FORMAT_VERSION, "spec": spec.to_json(), "number": 0,
        "kept_from": 0, "generation": 0, "to_erase": False, "intent": 0, "burnt": [], "owner": "",
        "expires_ms": 0,
    }  # fmt: skip
    return Point(HEAD, payload=payload)


def is_there(server: RemoteServer) -> bool:
    """Whether there is a record of commits, and one of ours.

    Raises:
        ConfigError: it is, of a format that this version does not read.
    """
    raw = server.head()
    if raw is None or raw.get("made_by") != _MADE_BY:
        return False
    if (version := raw.get("format")) != FORMAT_VERSION:
        raise ConfigError(
            f"{server.where}: format {version!r}, and this version of ragkit reads {FORMAT_VERSION}. Use the "
            "version that made it, or ingest again under another name"
        )
    return True


def recorded_spec(head: Head, server: RemoteServer) -> StoreSpec:
    """What the index was made for.

    Raises:
        CorruptIndexError: it is unreadable.
    """
    try:
        return StoreSpec.from_json(head.spec)
    except (json.JSONDecodeError, ValueError, KeyError, TypeError) as e:
        raise CorruptIndexError(
            f"{server.where}: what it was made with is unreadable ({e}). {server.restore}, or ingest again"
        ) from e


def agreed_spec(server: RemoteServer, spec: StoreSpec | None) -> StoreSpec:
    """What the index that is there was made for, which is what is asked for where something is.

    Raises:
        ConfigError: it was made with something else.
        CorruptIndexError: the record is gone or unreadable.
    """
    recorded = recorded_spec(read(server), server)
    if spec is None:
        return recorded
    spec = spec.completed(recorded)
    spec.check(recorded, server.where)
    return spec


def no_index(server: RemoteServer) -> StoreError:
    """Where there is no index and none may be made."""
    return StoreError(f"{server.where}: no index here. Make one: ragkit ingest DOCS --config rag.yaml")
