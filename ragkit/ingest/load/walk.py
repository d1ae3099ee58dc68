"""What lies below a path, in a fixed order, and what of it cannot be read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragkit.ingest.load.index_files import without_index

# Folders that are caches or version control even where they are not hidden.
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "CVS"})
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)

# Links to folders that a path may go through: ten folders that link to each other hold millions of paths.
_MAX_LINKS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A file, or where one was expected: `below` is its path below the start, empty for the start itself."""

    below: str
    n_bytes: int = field(default=0, kw_only=True)
    problem: str | None = field(default=None, kw_only=True)


def walk(start: str) -> Iterator[Place]:
    """Files at and below `start`, depth first by name, with the problem of each that cannot be read."""
    stack: list[tuple[str, frozenset[tuple[int, int]], int]] = [("", frozenset(), 0)]
    while stack:
        below, above, links = stack.pop()
        path = f"{start}/{below}" if below else start
        try:
            info = os.stat(path)  # noqa: PTH116  (text: a Path per file costs as much as the call)
        except OSError as e:
            yield Place(below, problem=_unreadable(path, e))
            continue
        if not stat.S_ISDIR(info.st_mode):
            yield Place(below, n_bytes=info.st_size, problem=_not_a_file(info.st_mode))
            continue
        key = (info.st_dev, info.st_ino)
        if key in above:
            yield Place(below, problem="it is a link to a folder that contains it; it is not followed")
            continue
        links += bool(above) and os.path.islink(path)  # noqa: PTH114
        if links > _MAX_LINKS:
            reason = f"it lies behind more than {_MAX_LINKS} links; name the folder itself to read it"
            yield Place(below, problem=reason)
            continue
        try:
            names = sorted(os.listdir(path))  # noqa: PTH208  (names, to sort before any stat call)
        except OSError as e:
            yield Place(below, problem=_unreadable(path, e))
            continue
        inside = above | {key}
        stack.extend(
            (f"{below}/{name}" if below else name, inside, links)
            for name in reversed(without_index(names))
            if not is_skipped(name)
        )


def is_skipped(name: str) -> bool:
    """Whether files and folders of this name are passed over unless named by the user."""
    return name.startswith(".") or name in _SKIPPED_FOLDERS


def unreadable(error: OSError) -> str:
    """Why a place cannot be read, and the remedy."""
    remedy = "Check its permissions"
    if error.errno == errno.ELOOP:
        remedy = "Remove or repair the link, which leads back to itself"
    elif isinstance(error, FileNotFoundError):
        remedy = "Check that it exists"
    return f"cannot be read: {error.strerror or error}. {remedy}"


def _unreadable(path: str, error: OSError) -> str:
    if os.path.islink(path) and isinstance(error, FileNotFoundError):  # noqa: PTH114
        target = os.readlink(path)  # noqa: PTH115
        return f"it is a link to {target}, which does not exist: remove or repair the link"
    return f"it {unreadable(error)}"


def _not_a_file(mode: int) -> str | None:
    for is_kind, name in _KINDS:
        if is_kind(mode):
            return f"it is {name}, not a file: move it elsewhere, or leave it out"
    return None
