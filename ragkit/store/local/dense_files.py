"""What a dense index took long to build, in files: opened only where the manifest vouches for it.

FAISS and its like believe what a file says. So a file is opened only when its bytes are those that a writer
of this index has written; whatever else lies there is left alone, and the index is built from the vectors.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from pathlib import Path

from ragkit.arrays import Ids
from ragkit.protocols import DenseIndex, IndexFile, IndexPart, PersistentIndex, Vectors
from ragkit.store.files import PARTIAL, sha256_of, write_filled
from ragkit.store.local.manifest import Segment

DENSE = "dense"
_SUFFIX = ".dense"


class DenseFiles:
    """The files of a folder's dense index; `empty` is that index over no rows.

    The manifest's list of files is of one generation, so a file that it names holds rows of that one.
    """

    def __init__(self, folder: Path, empty: DenseIndex) -> None:
        self._folder = folder
        self._empty = empty
        self._refused: set[str] = set()

    @property
    def are_kept(self) -> bool:
        """Whether the index is one that has files."""
        return isinstance(self._empty, PersistentIndex) and bool(self._empty.fingerprint)

    def over(
        self, old: DenseIndex, n_old: int, matrix: Vectors, ids: Ids, segments: Sequence[Segment]
    ) -> DenseIndex:
        """An index over a matrix, from an older one of its first `n_old` rows or, where they reach further,
        from files.
        """
        if isinstance(old, PersistentIndex):
            own = [s for s in self._own(segments) if s.first_row + s.n_rows <= len(matrix)]
            if _end(own) > n_old and _end(files := list(self._sound(own))) > n_old:
                index = old.restored(matrix, ids, files)
                if isinstance(index, PersistentIndex):
                    opened = {part.path for part in index.parts()}
                    self._refused.update(f.path.name for f in files if f.path not in opened)
                return index
        return old.over(matrix, ids)

    def missing(self, index: DenseIndex, segments: Sequence[Segment]) -> list[IndexPart]:
        """The parts of an index from the first on that has no file; none where files reach as far."""
        if not isinstance(index, PersistentIndex) or not index.fingerprint:
            return []
        parts, own = index.parts(), self._own(segments)
        known = {(s.first_row, s.n_rows) for s in own}
        if not parts or _end(own) >= parts[-1].first_row + parts[-1].n_rows:
            return []
        return list(dropwhile(lambda part: (part.first_row, part.n_rows) in known, parts))

    def replaced(self, fresh: Sequence[Segment], segments: Sequence[Segment]) -> list[Segment]:
        """Those of the files that fresh ones stand in for, and those that are of no use to this index."""
        own, first = self._own(segments), fresh[0].first_row
        kept = {s.file for s in own if s.first_row + s.n_rows <= first}
        return [s for s in segments if s.kind == DENSE and s.file not in kept]

    def write(self, parts: Sequence[IndexPart]) -> list[Segment]:
        """Writes files under new names. They are orphans until the manifest names them."""
        written: list[Segment] = []
        for part in parts:
            self._folder.mkdir(exist_ok=True)
            name = f"{part.first_row:010d}-{self._key}-{secrets.token_hex(8)}{_SUFFIX}"
            path = self._folder / name
            try:
                checksum = write_filled(path, part.write)
            except OSError:
                # A full disk is not to be filled by what can be done without.
                for left in (path.with_name(path.name + PARTIAL), path):
                    with contextlib.suppress(OSError):
                        left.unlink(missing_ok=True)
                raise
            size = path.stat().st_size
            written.append(Segment(DENSE, part.first_row, part.n_rows, name, size, checksum))
        return written

    def written_over(self, matrix: Vectors, ids: Ids) -> list[Segment]:
        """Builds the index over a whole matrix and writes its files."""
        if not self.are_kept or not len(matrix):
            return []
        return self.write(self.missing(self._empty.over(matrix, ids), ()))

    def clean(self, known: set[str]) -> list[str]:
        """Removes the files that the manifest does not name; one line per file."""
        removed = []
        if self._folder.exists():
            for path in self._folder.iterdir():
                if path.suffix in (_SUFFIX, PARTIAL) and path.name not in known:
                    path.unlink(missing_ok=True)
                    removed.append(f"{path}: removed, as no commit names it")
        return removed

    @property
    def _key(self) -> str:
        """How the index is built and written, for a file's name."""
        fingerprint = self._empty.fingerprint if isinstance(self._empty, PersistentIndex) else ""
        return hashlib.sha256(fingerprint.encode()).hexdigest()[:16]

    def _own(self, segments: Sequence[Segment]) -> list[Segment]:
        """The files of an index that is built this way, as far as they join on to one another."""
        own: list[Segment] = []
        for segment in segments:
            if segment.kind != DENSE:
                continue
            is_next = segment.first_row == _end(own) and segment.n_rows > 0
            if not is_next or segment.file in self._refused or f"-{self._key}-" not in segment.file:
                break
            own.append(segment)
        return own

    def _sound(self, segments: Sequence[Segment]) -> Iterator[IndexFile]:
        for segment in segments:
            if damage_of_dense(segment, self._folder.parent) is not None:
                self._refused.add(segment.file)
                return
            yield IndexFile(segment.first_row, segment.n_rows, path=self._folder / segment.file)


def damage_of_dense(segment: Segment, folder: Path) -> str | None:
    """What is wrong with a file of the dense index, or None."""
    path = folder / DENSE / segment.file
    try:
        if path.stat().st_size != segment.n_bytes or sha256_of(path) != segment.checksum:
            return "not what was written"
    except FileNotFoundError:
        return "missing"
    except OSError as e:
        return f"unreadable ({e.strerror})"
    return None


def _end(files: Sequence[Segment | IndexFile]) -> int:
    return files[-1].first_row + files[-1].n_rows if files else 0
