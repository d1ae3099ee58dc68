"""What the index knows and the disk no longer has: documents whose file was deleted or moved.

Deletion is the one step of ingestion that cannot be run again, so each rule errs on the side of keeping.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragkit.ingest.emptied import Emptied
from ragkit.ingest.load.discover import Discovery
from ragkit.ingest.load.index_files import without_index
from ragkit.ingest.load.walk import is_skipped
from ragkit.ingest.seen import Seen
from ragkit.protocols import DocumentState

_N_NAMED = 3


class Missing:
    """The documents whose file is gone, of all that are known; once iterated, what is to be told of them.

    A document is gone when it is of this tenant, its file lay in a folder that was walked to its end and
    had files, and where its file was there is nothing now, or a folder. It is not when it lies at or below a
    place that could not be read, or below a mount point or a link that has no files.

    Args:
        states: all that is known.
        tenant: whose documents were ingested, empty where there are no tenants.
        discovery: the finished walk.
        seen: the ids of the run.

    Example:
        missing = Missing(collection.states(), tenant="", discovery=discovery, seen=seen)
        for state in missing:
            print(state.document_id)
        print(missing.notes())
    """

    def __init__(
        self, states: Iterable[DocumentState], *, tenant: str, discovery: Discovery, seen: Seen
    ) -> None:
        self._states = states
        self._tenant = tenant
        self._discovery = discovery
        self._seen = seen
        self._emptied = Emptied()
        self._cleared: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._n_hidden = 0
        self._first_hidden = ""

    def __iter__(self) -> Iterator[DocumentState]:
        origin = self._discovery.origin
        if origin is None:
            return
        for state in self._states:
            if state.tenant != self._tenant or state.origin is None:
                continue
            # What it would be called in this run: it may be known from a folder above or below.
            name = _name_below(origin, state)
            if name is not None and name not in self._seen and self._is_gone(name, origin):
                yield state

    def notes(self) -> list[str]:
        """What a reader of the report might not expect: what stays though unseen, and emptied folders."""
        notes = [stays(folder, n) for folder, n in sorted(self._kept.items())]
        if self._cleared:
            folders = sorted(self._cleared)
            more = f" and {len(folders) - _N_NAMED:,} more" if len(folders) > _N_NAMED else ""
            notes.append(
                f"{self._cleared.total():,} of the deleted documents were in folders that are still there "
                f"and have no files: {', '.join(folders[:_N_NAMED])}{more}. Where a disk belongs "
                "there, mount it and ingest again"
            )
        if self._n_hidden:
            notes.append(
                f"{self._n_hidden:,} documents come from files that are still there and passed over unless "
                f"named, as hidden ones and those of an index are (first: {self._first_hidden}): they stay "
                "in the index as they were. Name them too, or remove them: ragkit forget"
            )
        return notes

    def _is_gone(self, document_id: str, origin: str) -> bool:
        walked = [folder for folder in self._discovery.walked if _is_below(document_id, folder.id)]
        if not walked or not all(folder.n_files for folder in walked):
            return False
        if _is_unread(document_id, self._discovery.problems):
            return False
        top = min((folder.id for folder in walked), key=len)
        below = document_id[len(top) + 1 :] if top else document_id
        if _is_there(f"{origin.rstrip('/')}/{document_id}"):
            self._note_hidden(document_id, f"{origin.rstrip('/')}/{top}", below)
            return False
        empty = self._emptied.above(f"{origin.rstrip('/')}/{top}", below)
        if empty is not None:
            (self._kept if empty.is_elsewhere else self._cleared)[empty.path] += 1
        return empty is None or not empty.is_elsewhere

    def _note_hidden(self, document_id: str, top: str, below: str) -> None:
        if any(is_skipped(name) for name in below.split("/")) or _is_in_index(top, below):
            self._first_hidden = self._first_hidden or document_id
            self._n_hidden += 1


def _name_below(origin: str, state: DocumentState) -> str | None:
    """The id that a document's file has below this root; None for one that lies elsewhere."""
    if state.origin == origin:
        return state.document_id
    path, above = f"{(state.origin or '').rstrip('/')}/{state.document_id}", f"{origin.rstrip('/')}/"
    return path[len(above) :] if path.startswith(above) else None


def known_below(states: Iterable[DocumentState], folder: str, *, tenant: str) -> int:
    """How many documents of a tenant came from files at or below a folder, an absolute path."""
    return sum(
        state.tenant == tenant
        and state.origin is not None
        and _is_below(f"{state.origin.rstrip('/')}/{state.document_id}", folder)
        for state in states
    )


def stays(folder: str, n: int) -> str:
    """Says that documents of a folder that has no files stay in the index."""
    return (
        f"{folder} has no files; {n:,} documents are known from there and stay in the index. "
        "If its disk is mounted, remove them on purpose: ragkit forget"
    )


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _is_unread(document_id: str, problems: set[str]) -> bool:
    if not problems:
        return False
    parts = document_id.split("/")
    return any("/".join(parts[:n]) in problems for n in range(len(parts) + 1))


def _is_in_index(top: str, below: str) -> bool:
    """Whether the file `below` this folder is one of an index, or lies in a folder of one."""
    folder = Path(top)
    for name in below.split("/"):
        try:
            if name not in without_index(os.listdir(folder)):  # noqa: PTH208  (names alone)
                return True
        except OSError:
            return False
        folder /= name
    return False


def _is_there(path: str) -> bool:
    """Whether there is anything but a folder, or may be."""
    try:
        Path(path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return not os.path.isdir(path)  # noqa: PTH112  (Path.is_dir raises where permission is lacking)
