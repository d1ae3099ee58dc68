"""Files and folders → source files, in a fixed order, with an identity that does not depend on the machine.

A document's id is its path below the *root*: the deepest folder that holds everything that was named. So
`ingest docs`, `ingest docs/*` and `ingest docs/guide docs/api` give a file the same id, on any machine and
from any working directory, and two roots named together (`a/docs b/docs`) never collide, because their ids
start below the folder that holds both. Ids of absolute paths would never collide either, but they change
with the machine, and with them every chunk id and the order of ties.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.ingest.load.source import SourceFile
from ragkit.ingest.load.walk import walk
from ragkit.ingest.seen import Seen

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is: files, or places where one was expected, and their bytes."""

    n_files: int
    n_bytes: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class WalkedFolder:
    """A named folder that was walked to its end: its id (empty for the root), and the files found below."""

    id: str
    path: str = field(kw_only=True)
    n_files: int = field(kw_only=True)


def discover(paths: PathLike | Iterable[PathLike], *, root: PathLike | None = None) -> Iterator[SourceFile]:
    """All files at and below `paths`: see `Discovery`.

    Raises:
        ConfigError: a path does not exist or lies outside `root`, or nothing was found at all.
    """
    yield from Discovery(paths, root=root)


class Discovery:
    """All files at and below some paths: in the order named, folders in order of name, each file once.

    Hidden files, version control and cache folders are skipped unless named themselves, and so are the
    files of an index. Links are followed
    to files, and to folders that lie outside their own path and behind at most one other link, wherever they
    lead: check a folder that others may write to. What cannot be read (a broken link, a pipe, a folder
    without permission) is given with its `problem`, so that nothing disappears from the count.

    Each iteration walks anew; afterwards `walked` and `problems` say what of the disk was seen.

    Args:
        paths: files and folders.
        root: the folder that ids are relative to; by default the deepest one that holds all of `paths`.
            Give it when parts of one tree are ingested in separate calls.
        known_below: how many documents an index knows from below a folder (an absolute path). A folder of
            which documents are known and that has no files is likely a disk that is not mounted, and the
            error says so.

    Raises:
        ConfigError: a path does not exist or lies outside `root`; when iterated, nothing was found at all.

    Example:
        for file in Discovery("docs"):
            print(file.id, file.problem)
    """

    def __init__(
        self,
        paths: PathLike | Iterable[PathLike],
        *,
        root: PathLike | None = None,
        known_below: Callable[[str], int] = lambda _: 0,
    ) -> None:
        named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        if not named:
            raise ConfigError("no files or folders were named")
        self._known_below = known_below
        self._named = [os.fspath(path) for path in named]
        for path in self._named:
            if not os.path.lexists(path):
                raise ConfigError(f"{_missing(Path(path))}{self._still_known(path)}")
        base = _root(self._named) if root is None else _absolute(root)
        self._starts = [_Start.of(path, base) for path in self._named]
        self._base = base
        self.origin: str | None = _encodable(base)
        self.walked: list[WalkedFolder] = []
        self.problems: set[str] = set()

    def extent(self) -> Extent:
        """How much there is, by a walk of its own.

        Raises:
            ConfigError: nothing was found at all.
        """
        files = n_bytes = 0
        for file in self._files([], set()):
            files += 1
            n_bytes += file.n_bytes
        return Extent(files, n_bytes=n_bytes)

    def __iter__(self) -> Iterator[SourceFile]:
        self.walked, self.problems = [], set()
        return self._files(self.walked, self.problems)

    def _files(self, walked: list[WalkedFolder], problems: set[str]) -> Iterator[SourceFile]:
        # Only what was named twice can be found twice.
        seen = Seen() if len(self._starts) > 1 else None
        found_any = False
        for start in self._starts:
            n_files = 0
            for place in walk(start.path):
                found_any = True
                document_id = start.id_of(place.below)
                n_files += place.problem is None
                problem = place.problem or _unnameable(document_id)
                if problem is not None:
                    problems.add(document_id)
                if seen is None or seen.add(document_id):
                    yield SourceFile(
                        document_id,
                        uri=_shown(self._base, document_id),
                        path=Path(start.path, place.below),
                        problem=problem,
                        n_bytes=place.n_bytes,
                        origin=self.origin,
                    )
            if start.is_folder:
                walked.append(WalkedFolder(start.id, path=start.path, n_files=n_files))
        if not found_any:
            raise ConfigError(self._nothing())

    def _nothing(self) -> str:
        listing = ", ".join(self._named)
        known = "".join(self._still_known(path) for path in self._named)
        return (
            f"no files in {listing} (hidden files and folders are skipped). Name a folder with documents"
            f"{known}"
        )

    def _still_known(self, path: str) -> str:
        n = self._known_below(_absolute(path))
        if n == 0:
            return ""
        return (
            f". {n:,} documents are known from {path} and stay in the index: is its disk mounted? "
            "To remove them on purpose: ragkit forget"
        )


@dataclass(frozen=True, slots=True)
class _Start:
    """A path that was named: where it is, and its id (empty for the root)."""

    path: str
    id: str = field(kw_only=True)
    is_folder: bool = field(kw_only=True)

    @classmethod
    def of(cls, path: str, base: str) -> _Start:
        try:
            below = Path(_absolute(path)).relative_to(base).as_posix()
        except ValueError as e:
            raise ConfigError(f"{path} lies outside the root {base}; name a root that holds all files") from e
        # Absolute, for the process may change its folder meanwhile.
        return cls(_absolute(path), id="" if below == "." else below, is_folder=Path(path).is_dir())

    def id_of(self, below: str) -> str:
        """The id of a file below it."""
        if self.id and below:
            return f"{self.id}/{below}"
        return below or self.id


def _absolute(path: PathLike) -> str:
    """The path from the top, without `..`, and the same place on disk."""
    place = ""
    for name in Path(path).absolute().parts:
        place = _above(place) if name == ".." else os.path.join(place, name)  # noqa: PTH118
    return place


def _above(place: str) -> str:
    # Links stay where they can: resolved, the id would depend on where a link points today. But what lies
    # above a folder that a link leads to is not above the link: `link/../x` is no `x`.
    above = os.path.dirname(place)  # noqa: PTH120
    real = os.path.dirname(os.path.realpath(place))  # noqa: PTH120
    return above if os.path.realpath(above) == real else real


def _root(named: list[str]) -> str:
    places = [_absolute(path) for path in named]
    return os.path.commonpath([p if Path(p).is_dir() else str(Path(p).parent) for p in places])


def _shown(base: str, document_id: str) -> str:
    """The path from the root's own name on: recognisable, and the same wherever the command is run from.

    What of it is not UTF-8 is shown as bytes, as `ls` does: there is no other way to find the file.
    """
    name = os.path.basename(base)  # noqa: PTH119
    path = f"{name}/{document_id}" if name else document_id
    return path if _encodable(path) else os.fsencode(path).decode(errors="backslashreplace")


def _unnameable(document_id: str) -> str | None:
    """Why a file cannot have this id, if so."""
    if _encodable(document_id) is not None:
        return None
    is_above = _encodable(os.path.dirname(document_id)) is None  # noqa: PTH120
    what = "name of a folder that it lies in" if is_above else "file name"
    return f"the {what} is not valid UTF-8: rename it"


def _encodable(path: str) -> str | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return None
    return path


def _missing(path: Path) -> str:
    parent = Path(_absolute(path)).parent
    while not parent.exists():
        parent = parent.parent
    return f"{path} does not exist; the nearest folder that does is {parent}. Check the path"
