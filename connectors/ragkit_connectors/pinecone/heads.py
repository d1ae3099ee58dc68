"""The record of commits in the names of namespaces.

Pinecone changes no record under a condition, but makes a namespace only where there is none of its name
(409 else). So a state of the record is an empty namespace, and the one field of its schema names a record
that was written before it, and is there for everybody by then.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store.remote.states import State, States
from ragkit_connectors.http_calls import AbsentError, PresentError

if TYPE_CHECKING:
    from ragkit_connectors.pinecone.server import PineconeServer

_SAID = re.compile("h[0-9a-f]{32}")


class Heads(States):
    """The states of one index."""

    def __init__(self, server: PineconeServer) -> None:
        super().__init__(server.where, server.restore)
        self._server = server
        self._prefix = server.settings.heads
        self._known: dict[str, dict[str, Any]] = {}

    def payload(self, state: State) -> dict[str, Any]:
        """What the record says that the state names."""
        if state.said not in self._known:
            text = self._server.text(state.said)
            try:
                said = dict(json.loads(text))
                self._server.need(said["lsns"])
                self._server.canaries.wait_for(said["canaries"])
                self._known = {**dict(list(self._known.items())[-8:]), state.said: dict(said["head"])}
            except (ValueError, TypeError, KeyError) as e:
                raise CorruptIndexError(
                    f"{self._server.where}: the record of commits, state {state.number}, is "
                    f"unreadable ({e!r}). Restore the index from a backup, or ingest again"
                ) from e
        return dict(self._known[state.said])

    def change(self, number: int, payload: Mapping[str, Any]) -> bool:
        """Makes the state of a number; whether this call did, and nobody else before."""
        said = f"h{uuid.uuid4().hex}"
        # What it says holds when the namespaces are indexed up to where they were written by now.
        numbers = {"lsns": self._server.needed(), "canaries": self._server.canaries.numbers()}
        told = {"head": dict(payload), **numbers}
        self._server.put_text(said, json.dumps(told))
        if self.add(number, said):
            return True
        self._server.drop_texts([said])
        return False

    def make(self, number: int, said: str) -> bool:
        """Makes a namespace."""
        body = {"name": self._name(number), "schema": {"fields": {said: {"filterable": True}}}}
        try:
            self._server.request("POST", "/namespaces", body)
        except PresentError:
            return False
        return True

    def said(self, number: int) -> str | None:
        """The field in the schema of a namespace."""
        try:
            answer = self._server.request("GET", f"/namespaces/{self._name(number)}")
        except AbsentError:
            return None
        fields = list((answer.get("schema") or {}).get("fields") or ()) if isinstance(answer, dict) else []
        if len(fields) != 1 or _SAID.fullmatch(fields[0]) is None:
            raise StoreError(
                f"{self._server.where}: namespace {self._name(number)} was made by something else "
                "than ragkit. Set another name: stores.NAME.name"
            )
        return str(fields[0])

    def numbers(self) -> dict[int, str]:
        """Lists the namespaces of states, and reads the newest ones."""
        names = self._server.namespaces(self._prefix)
        ends = (name.removeprefix(self._prefix) for name in names)
        numbers = sorted(int(end) for end in ends if end.isdigit())
        # What an older one says nobody needs to know.
        said = {number: self.said(number) for number in numbers[-1:]}
        return {number: said.get(number) or "" for number in numbers}

    def drop(self, number: int) -> None:
        """Deletes a namespace, and then its record."""
        said = self.said(number)
        self._server.request("DELETE", f"/namespaces/{self._name(number)}")
        if said is not None:
            self._server.drop_texts([said])

    def _name(self, number: int) -> str:
        return f"{self._prefix}{number:010d}"
