"""Files and folders → source files, in a fixed order, with an identity that does not depend on the machine.

A document's id is its path below the *root*: the deepest folder that holds everything that was named. So
`ingest docs`, `ingest docs/*` and `ingest docs/guide docs/api` give a file the same id, on any machine and
from any working directory, and two roots named together (`a/docs b/docs`) never collide, because their ids
start below the folder that holds both. Ids of absolute paths would never collide either, but they change
with the machine, and with them every chunk id and the order of ties.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.ingest.load.source import SourceFile

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

PathLike = str | os.PathLike[str]


def discover(paths: PathLike | Iterable[PathLike], *, root: PathLike | None = None) -> Iterator[SourceFile]:
    """All files at and below `paths`: in the order named, folders in order of name, each file once.

    Hidden files, version control and cache folders are skipped unless named themselves. Links are followed
    to files, and to folders that lie outside their own path and behind at most one other link, wherever they
    lead: check a folder that others may write to. What cannot be read (a broken link, a pipe, a folder
    without permission) is yielded with its `problem`, so that nothing disappears from the count.

    Args:
        paths: files and folders.
        root: the folder that ids are relative to; by default the deepest one that holds all of `paths`.
            Give it when parts of one tree are ingested in separate calls.

    Raises:
        ConfigError: a path does not exist or lies outside `root`, or nothing was found at all.
    """
    named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not named:
        raise ConfigError("no files or folders were named")
    starts = [Path(p) for p in named]
    for start in starts:
        if not os.path.lexists(start):
            raise ConfigError(_missing(start))
    base = _root(starts) if root is None else _absolute(Path(root))
    seen: set[str] = set()
    count = 0
    for start in starts:
        for path, problem in _walk(start):
            document_id = _id_below(base, path)
            if document_id in seen:
                continue
            seen.add(document_id)
            count += 1
            yield SourceFile(document_id, uri=_shown(base, document_id), path=path, problem=problem)
    if count == 0:
        listing = ", ".join(str(p) for p in starts)
        raise ConfigError(
            f"no files in {listing} (hidden files and folders are skipped). Name a folder with documents"
        )


def _absolute(path: Path) -> Path:
    # Lexical on purpose: resolving links would make the id depend on where a link points today.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _root(starts: list[Path]) -> Path:
    folders = [_absolute(p) if p.is_dir() else _absolute(p).parent for p in starts]
    return Path(os.path.commonpath(folders))


def _id_below(base: Path, path: Path) -> str:
    try:
        return _absolute(path).relative_to(base).as_posix()
    except ValueError as e:
        raise ConfigError(f"{path} lies outside the root {base}; name a root that holds all files") from e


def _shown(base: Path, document_id: str) -> str:
    """The path from the root's own name on: recognisable, and the same wherever the command is run from."""
    return f"{base.name}/{document_id}" if base.name else document_id


def _missing(path: Path) -> str:
    parent = _absolute(path).parent
    while not parent.exists():
        parent = parent.parent
    return f"{path} does not exist; the nearest folder that does is {parent}. Check the path"


def _walk(start: Path) -> Iterator[tuple[Path, str | None]]:
    """Files below `start`, depth first by name, with the problem of each that cannot be read."""
    stack: list[tuple[Path, frozenset[tuple[int, int]], int]] = [(start, frozenset(), 0)]
    while stack:
        path, above, links = stack.pop()
        try:
            info = path.stat()
        except OSError as e:
            yield path, _unreadable(path, e)
            continue
        if not stat.S_ISDIR(info.st_mode):
            yield path, _not_a_file(path, info.st_mode)
            continue
        key = (info.st_dev, info.st_ino)
        if key in above:
            yield path, f"{path} is a link to a folder that contains it; it is not followed"
            continue
        links += bool(above) and path.is_symlink()
        if links > _MAX_LINKS:
            yield path, f"{path} lies behind more than {_MAX_LINKS} links; name the folder itself to read it"
            continue
        try:
            names = sorted(os.listdir(path))  # noqa: PTH208  (names, to sort before any stat call)
        except OSError as e:
            yield path, _unreadable(path, e)
            continue
        inside = above | {key}
        stack.extend((path / name, inside, links) for name in reversed(names) if not _is_skipped(name))


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED_FOLDERS


def _unreadable(path: Path, error: OSError) -> str:
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return f"{path} is a link to {os.readlink(path)}, which does not exist"  # noqa: PTH115
    return f"{path} cannot be read: {error.strerror or error}. Check its permissions"


def _not_a_file(path: Path, mode: int) -> str | None:
    for is_kind, name in _KINDS:
        if is_kind(mode):
            return f"{path} is {name}, not a file"
    return None
