"""What LanceDB says, in ragkit's errors, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote.server import ReadOnlyError

_MOST_SHOWN = 300
_GONE = re.compile(r"not found|no such file|does not exist", re.IGNORECASE)
_DENIED = re.compile(r"permission denied|read-only file system|operation not permitted", re.IGNORECASE)
_FULL = re.compile(r"no space left|disk quota|too many open files|os error 5\b", re.IGNORECASE)
_CONFLICT = re.compile(r"conflict|retry|too many concurrent|preempted", re.IGNORECASE)
_NEWER = re.compile(r"feature flag|not supported by this version|unsupported.*version", re.IGNORECASE)
_DAMAGED = re.compile(r"magic|corrupt|footer|checksum", re.IGNORECASE)
_REFUSED = re.compile(r"invalid input|schema error|invalid sql", re.IGNORECASE)


class ChangedError(TransientStoreError):
    """A file was not there that a version of the table names: it was written anew meanwhile."""


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Lets the engine's errors out as ours."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as e:
        if isinstance(e, StoreError):
            raise
        raise explain(e, where) from e
    except BaseException as e:
        # What the engine's Rust code takes for impossible comes as one that is no `Exception`.
        if type(e).__name__ != "PanicException":
            raise
        raise _damaged(shortened(e), where) from e


def explain(error: Exception, where: str) -> StoreError:
    """Our error for one of the engine's."""
    said = shortened(error)
    if _DENIED.search(said):
        return ReadOnlyError(
            f"{where}: cannot be written to ({said}). Check who owns the folder and its permissions; reading "
            "goes on"
        )
    if _FULL.search(said):
        return TransientStoreError(f"{where}: the disk failed or is full ({said}). Free space and try again")
    if _GONE.search(said):
        return ChangedError(
            f"{where}: a file of the table is not there ({said}). Try again; if it stays away, restore the "
            "folder from a copy, or ingest again into a new one"
        )
    if _CONFLICT.search(said):
        return TransientStoreError(f"{where}: another process changed the table at once ({said}). Try again")
    if _NEWER.search(said):
        return StoreError(
            f"{where}: the table was written by a newer LanceDB ({said}). Run: pip install -U lancedb"
        )
    if _REFUSED.search(said) and not _DAMAGED.search(said):
        return StoreError(f"{where}: LanceDB refuses ({said})")
    return _damaged(said, where)


def _damaged(said: str, where: str) -> CorruptIndexError:
    return CorruptIndexError(
        f"{where}: the table cannot be read ({said}). Restore the folder from a copy, or ingest again into "
        "a new one"
    )


def shortened(value: object) -> str:
    """What was said, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
