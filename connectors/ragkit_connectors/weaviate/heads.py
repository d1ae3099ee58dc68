"""The record of commits in the server's schema.

The one thing that Weaviate decides for all its nodes at once is its schema: it goes through one log
(Raft), and of two that make a collection of the same name one is refused. So a state of the record is a
collection without a shard, and what it says is its description.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.store.remote.states import State, States
from ragkit_connectors.http_calls import AbsentError, PresentError
from ragkit_connectors.weaviate.calls import Calls
from ragkit_connectors.weaviate.schema import head_class


class Heads(States):
    """The states of one index."""

    def __init__(self, calls: Calls, restore: str) -> None:
        super().__init__(calls.where, restore)
        self._calls = calls
        self._prefix = calls.settings.heads

    def payload(self, state: State) -> dict[str, Any]:
        """What the description says."""
        try:
            return dict(json.loads(state.said)["head"])
        except (ValueError, TypeError, KeyError) as e:
            raise CorruptIndexError(
                f"{self._calls.where}: the record of commits, collection {self._name(state.number)}, is "
                f"unreadable ({e}). Restore it from a backup, or ingest again"
            ) from e

    def change(self, number: int, payload: Mapping[str, Any]) -> bool:
        """Makes the state of a number; whether this call did, and nobody else before."""
        return self.add(number, json.dumps({"nonce": uuid.uuid4().hex, "head": dict(payload)}))

    def make(self, number: int, said: str) -> bool:
        """Makes a collection."""
        try:
            self._calls.request("POST", "/v1/schema", head_class(self._name(number), said))
        except PresentError:
            return False
        return True

    def said(self, number: int) -> str | None:
        """The description of a collection."""
        try:
            answer = self._calls.request("GET", f"/v1/schema/{self._name(number)}")
        except AbsentError:
            return None
        return str(answer.get("description"))

    def numbers(self) -> dict[int, str]:
        """Reads the whole schema."""
        answer = self._calls.request("GET", "/v1/schema")
        named = {str(c.get("class")): str(c.get("description")) for c in (answer or {}).get("classes") or ()}
        return {
            int(name.removeprefix(self._prefix)): said
            for name, said in named.items()
            if name.startswith(self._prefix) and name.removeprefix(self._prefix).isdigit()
        }

    def drop(self, number: int) -> None:
        """Deletes a collection."""
        self._calls.request("DELETE", f"/v1/schema/{self._name(number)}")

    def _name(self, number: int) -> str:
        return f"{self._prefix}{number:010d}"
