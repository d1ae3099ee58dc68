"""What an index must hold, kept outside of it: each commit is noted when it is begun and when it returned."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.protocols import Change


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as the index must hold it: its state, its content and its chunks."""

    state: str
    content_hash: str
    chunks: tuple[str, ...]


Content = Mapping[str, Kept]


class Notes:
    """Writes one JSON object per line, each with one call, so that a dead process has said what it could."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def __call__(self, **note: Any) -> None:
        os.write(self._handle, json.dumps(note).encode() + b"\n")

    def begun(self, changes: Sequence[Change]) -> None:
        """A commit is in flight: it may be there from now on."""
        self(begin=[_noted(change) for change in changes])


def _noted(change: Change) -> dict[str, Any]:
    state = change.state
    return {
        "id": state.document_id,
        "is_content": change.document is not None,
        "state": state.state,
        "hash": state.content_hash,
        "chunks": [record.chunk.id for record in change.records],
    }


@dataclass(slots=True)
class Ledger:
    """The notes of one process, or of several that came one after the other.

    Args:
        acknowledged: what the index must hold.
        in_flight: what it may hold instead: the same with the commit that was begun and did not return.
        phase: the part of the workload that was going on.
    """

    acknowledged: dict[str, Kept] = field(default_factory=dict)
    in_flight: dict[str, Kept] | None = None
    phase: int = 0
    n_commits: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """The ledger that a file of notes gives; a last line that was cut off is none."""
        ledger = cls()
        for line in path.read_text().splitlines() if path.exists() else ():
            ledger.add(json.loads(line))
        return ledger

    def add(self, note: Mapping[str, Any]) -> None:
        """One note more."""
        if "phase" in note:
            self.phase = note["phase"]
        elif "begin" in note:
            self.in_flight = _after(self.acknowledged, note["begin"])
        elif "done" in note:
            assert self.in_flight is not None, "a commit returned that was never begun"
            self.acknowledged, self.in_flight = self.in_flight, None
            self.n_commits += 1
        else:
            self.results.append(dict(note))

    def allowed(self) -> list[Content]:
        """What the index may hold: one of these, and nothing else."""
        return [self.acknowledged] if self.in_flight is None else [self.acknowledged, self.in_flight]


def _after(content: Content, changes: Sequence[Mapping[str, Any]]) -> dict[str, Kept]:
    after = dict(content)
    for change in changes:
        name = change["id"]
        if change["is_content"]:
            after[name] = Kept(change["state"], change["hash"], tuple(change["chunks"]))
        elif change["state"] == "quarantined":
            before = after.get(name)
            after[name] = Kept("quarantined", change["hash"], before.chunks if before else ())
        else:
            after.pop(name, None)
    return after
