"""What the index knows and the disk no longer has: documents whose file was deleted, moved or hidden.

Deletion is the one step of ingestion that cannot be run again, so each rule errs on the side of keeping.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragkit.ingest.load.discover import Discovery, WalkedFolder
from ragkit.ingest.load.walk import is_skipped
from ragkit.ingest.seen import Seen
from ragkit.protocols import DocumentState


def missing(
    states: Iterable[DocumentState], *, tenant: str, discovery: Discovery, seen: Seen
) -> Iterator[DocumentState]:
    """The documents whose file is gone, of all that are known.

    A document is gone when it is of this tenant, came from the same root, lies in a folder that was walked
    to its end and had files, was not found there, and is not on the disk any more or hidden by its name. It
    is not when it lies at or below a place that could not be read.

    Args:
        states: all that is known.
        tenant: whose documents were ingested, empty where there are no tenants.
        discovery: the finished walk.
        seen: the ids of the run.
    """
    walked = [folder for folder in discovery.walked if folder.n_files]
    if discovery.origin is None or not walked:
        return
    for state in states:
        if state.tenant != tenant or state.origin != discovery.origin or state.document_id in seen:
            continue
        folders = [folder for folder in walked if _is_below(state.document_id, folder.id)]
        if (
            folders
            and not _is_unread(state.document_id, discovery.problems)
            and all(_is_gone(state.document_id, folder) for folder in folders)
        ):
            yield state


def known_below(states: Iterable[DocumentState], folder: str, *, tenant: str) -> int:
    """How many documents of a tenant came from files at or below a folder."""
    place = os.path.abspath(folder)  # noqa: PTH100  (lexical, as origins are)
    return sum(
        state.tenant == tenant
        and state.origin is not None
        and _is_below(f"{state.origin.rstrip('/')}/{state.document_id}", place)
        for state in states
    )


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _is_unread(document_id: str, problems: set[str]) -> bool:
    if not problems:
        return False
    parts = document_id.split("/")
    return any("/".join(parts[:n]) in problems for n in range(len(parts) + 1))


def _is_gone(document_id: str, folder: WalkedFolder) -> bool:
    below = document_id[len(folder.id) + 1 :] if folder.id else document_id
    if not below:
        return False
    if any(is_skipped(name) for name in below.split("/")):
        return True
    try:
        Path(folder.path, below).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass  # it may well be there
    return False
