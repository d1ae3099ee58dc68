"""What documents are called: as ingestion would call their files, so that it replaces them later."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Place:
    """The id, the uri and the origin of a document; see `SourceFile` and `DocumentState`."""

    id: str
    uri: str | None = field(kw_only=True)
    origin: str | None = field(default=None, kw_only=True)


class Places:
    """Names documents by their sources.

    Without a root, a document is called what its index calls it. With one, a source that is a file below it
    is called as `ragkit ingest ROOT` calls that file. A path that is not absolute counts from the working
    folder, and where there is no such file, from the root.

    Args:
        root: the folder that will be ingested; None for none.

    Raises:
        ConfigError: the root is no folder.

    >>> Places(None).of("docs/a.md").id
    'docs/a.md'
    """

    def __init__(self, root: str | os.PathLike[str] | None) -> None:
        if root is not None and not Path(root).is_dir():
            raise ConfigError(f"--root {root}: expected a folder, the one that you would ingest")
        self._root = None if root is None else Path(os.path.abspath(root))  # noqa: PTH100  (links stay)
        self.n_files = 0
        self.n_outside = 0
        self.n_gone = 0

    def of(self, source: str) -> Place:
        """The place of the document that came from a source."""
        if self._root is None:
            self.n_files += _is_file(source)
            return Place(source, uri=source)
        file = None if "://" in source else self._file(source)
        if file is None:
            self.n_outside += 1
            return Place(source, uri=source)
        self.n_gone += not _is_file(file)
        below = file.relative_to(self._root).as_posix()
        return Place(
            below, uri=f"{self._root.name}/{below}" if self._root.name else below, origin=str(self._root)
        )

    def notes(self) -> list[str]:
        """What a reader of the report is to know."""
        notes = []
        if self.n_files:
            notes.append(
                f"{self.n_files:,} sources are files that are there: ragkit ingest adds their documents "
                "a second time. For it to replace these, import into a new collection with --root DIR, the "
                "folder that will be ingested"
            )
        if self.n_outside:
            notes.append(
                f"{self.n_outside:,} sources are no files below {self._root} and keep the names that the "
                "index has for them: ingesting their files adds documents beside them"
            )
        if self.n_gone:
            notes.append(
                f"{self.n_gone:,} files are not below {self._root} any more: the next ragkit ingest of that "
                "folder removes their documents, unless it is called with --keep-missing"
            )
        return notes

    def _file(self, source: str) -> Path | None:
        """The file below the root, whether it is there or not."""
        assert self._root is not None
        found = [Path(os.path.abspath(base / source)) for base in (Path.cwd(), self._root)]  # noqa: PTH100
        below = [file for file in found if self._root in file.parents]
        return next((file for file in below if _is_file(file)), below[0] if below else None)


def _is_file(source: str | Path) -> bool:
    """Whether a source is the path of a file that is there."""
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # too long for a path, or with a zero byte
        return False
