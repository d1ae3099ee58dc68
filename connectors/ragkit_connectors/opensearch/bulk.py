"""Bulk requests, item by item: what failed for now is made again, what failed for good is said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors.opensearch.calls import Calls
from ragkit_connectors.opensearch.errors import ConflictError, explain_item

_MOST_ITEMS = 500  # of one request
_MOST_CHARACTERS = 8_000_000
_FIRST_WAIT_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One action: its name, what it is done to, and the document of it."""

    action: Literal["create", "index", "update", "delete"]
    target: dict[str, Any]
    body: dict[str, Any] | None = field(default=None)

    def lines(self) -> str:
        """The action as a bulk request has it. ASCII, so that any text goes in."""
        parts: list[dict[str, Any]] = [{self.action: self.target}]
        parts += [] if self.body is None else [self.body]
        return "".join(f"{dump(part)}\n" for part in parts)


def dump(part: dict[str, Any]) -> str:
    """One line of a request that has several."""
    return json.dumps(part, separators=(",", ":"), allow_nan=False)


def send(calls: Calls, items: Iterable[Item]) -> int:
    """Does all actions, each once; how many found that somebody else was first.

    What is created and is there already, and what is removed and is gone, is done. A request whose answer was
    lost is made again as a whole.

    Raises:
        StoreError: an action failed, and others of its request may have been done; `TransientStoreError`
            where it may go through later.
    """
    return sum(_sent(calls, some) for some in _requests(items))


def _sent(calls: Calls, items: Sequence[tuple[Item, str]]) -> int:
    n_conflicts, wait_s = 0, _FIRST_WAIT_S
    for attempt in range(1, calls.settings.attempts + 1):
        answer = calls.request("POST", "/_bulk", "".join(lines for _, lines in items))
        results = answer.get("items")
        if not isinstance(results, list) or len(results) != len(items):
            raise TransientStoreError(
                f"{calls.where}: of {len(items)} items of a bulk request the server answered "
                f"{len(results) if isinstance(results, list) else 'none'}. Try again"
            )
        again: list[tuple[Item, str]] = []
        for (item, lines), result in zip(items, results, strict=True):
            error = _problem(calls, item, result)
            if isinstance(error, ConflictError):
                n_conflicts += item.action != "create"
            elif isinstance(error, TransientStoreError) and attempt < calls.settings.attempts:
                again.append((item, lines))
            elif error is not None:
                raise error
        if not again:
            return n_conflicts
        items = again
        time.sleep(wait_s)
        wait_s *= 2
    raise AssertionError("unreachable")


def _problem(calls: Calls, item: Item, result: Any) -> StoreError | None:
    said = result.get(item.action) if isinstance(result, dict) else None
    if not isinstance(said, dict):
        return StoreError(f"{calls.where}: an item of a bulk request has no result. Check hosts")
    status = int(said.get("status", 0))
    if 200 <= status < 300 or (item.action in ("delete", "update") and status == 404):
        return None
    error = explain_item(said, calls.where)
    # A client's own failure names its document, so that it can be found.
    return error if isinstance(error, ConflictError | TransientStoreError) else _named(error, item)


def _named(error: StoreError, item: Item) -> StoreError:
    name = (item.body or {}).get("name")
    return error if name is None else type(error)(f"{error}; document {str(name)[:80]!r}")


def _requests(items: Iterable[Item]) -> Iterator[list[tuple[Item, str]]]:
    some: list[tuple[Item, str]] = []
    size = 0
    for item in items:
        lines = item.lines()
        if some and (len(some) >= _MOST_ITEMS or size + len(lines) > _MOST_CHARACTERS):
            yield some
            some, size = [], 0
        some.append((item, lines))
        size += len(lines)
    if some:
        yield some
