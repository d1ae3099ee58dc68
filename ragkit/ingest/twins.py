"""The same file under other ids: what it was called when other folders were ingested together with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath

from ragkit.protocols import DocumentState


def twins_of(
    document_id: str, origin: str, known: Callable[[str], DocumentState | None]
) -> Iterator[DocumentState]:
    """The documents of other ids that were made from the file `origin/document_id`.

    An id is the end of the file's absolute path, and what stands before it is the origin. So each end of
    the path is looked up, and is a twin where the rest is its origin. A document made in code has no origin.

    Args:
        document_id: the file's id now.
        origin: the absolute path of the root it was found below.
        known: what the index knows of an id.

    Example:
        # After `ingest docs more` the file of the document a.md is docs/a.md.
        [twin.document_id for twin in twins_of("docs/a.md", "/home/me", collection.state)]
    """
    path = PurePath(origin, document_id)
    end = path.name
    for above in path.parents:
        if end != document_id:
            state = known(end)
            if state is not None and state.origin == str(above):
                yield state
        end = f"{above.name}/{end}"
