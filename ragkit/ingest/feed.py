"""What was given to be ingested, as one stream: documents as they come, then the files of the paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, field

from ragkit.errors import ConfigError
from ragkit.ingest.load.discover import Discovery, PathLike
from ragkit.ingest.load.source import SourceFile
from ragkit.types import Document, Unread

Source = SourceFile | Document | Unread
Item = PathLike | Document | Unread
# Looked through before anything is ingested: they lie in memory already.
_HELD = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Size:
    """How many documents there are, and their work: bytes of files, characters of texts; None is unknown."""

    documents: int | None = None
    work: int | None = field(default=None, kw_only=True)


class Feed:
    """The sources of one run.

    Paths wait until all that was given is known, for the root of their ids is the folder that holds them
    all. A list is looked through at once, so that a wrong path is refused before anything is ingested; what
    else can be iterated is read once, item by item, while documents are ingested.

    Args:
        sources: a path or a `Document`, or an iterable of them.
        root: see `Discovery`.
        known_below: see `Discovery`.

    Raises:
        ConfigError: a path does not exist, nothing was found in what was named, or an item is neither path
            nor document. For an iterator, while it is iterated.

    Example:
        feed = Feed([Document("a", "One."), "docs/"])
        print(feed.size.documents, [source.id for source in feed])
    """

    def __init__(
        self,
        sources: Item | Iterable[Item],
        *,
        root: PathLike | None = None,
        known_below: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self._root = root
        self._known_below = known_below
        self.discovery: Discovery | None = None
        self.size = Size()
        if isinstance(sources, str | os.PathLike | Document | Unread):
            sources = [sources]
        if not isinstance(sources, Iterable):
            raise ConfigError(_not_a_source(sources))
        self._items: Iterable[Item] = sources
        if isinstance(sources, _HELD):
            documents, paths = _parted(sources)
            self._items = documents
            self.size = Size(len(documents), work=sum(map(work_of, documents)))
            if paths:
                self._discover(paths)
        elif isinstance(sources, Sized):
            self.size = Size(len(sources))

    def __iter__(self) -> Iterator[Source]:
        paths: list[PathLike] = []
        n = work = 0
        for item in self._items:
            if isinstance(item, Document | Unread):
                n, work = n + 1, work + work_of(item)
                yield item
            else:
                paths.append(_as_path(item))
        if paths:
            self.size = Size(n, work=work)
            self._discover(paths)
        if self.discovery is not None:
            yield from self.discovery

    def _discover(self, paths: Iterable[PathLike]) -> None:
        self.discovery = Discovery(paths, root=self._root, known_below=self._known_below)
        extent = self.discovery.extent()
        self.size = Size(
            (self.size.documents or 0) + extent.n_files, work=(self.size.work or 0) + extent.n_bytes
        )


def work_of(source: Source) -> int:
    """The work that a source is: its bytes, or the characters of its text."""
    if isinstance(source, SourceFile):
        return source.n_bytes
    if isinstance(source, Unread):
        return 0
    return len(source.text) if isinstance(source.text, str) else 0


def _parted(items: Iterable[Item]) -> tuple[list[Document | Unread], list[PathLike]]:
    documents: list[Document | Unread] = []
    paths: list[PathLike] = []
    for item in items:
        if isinstance(item, Document | Unread):
            documents.append(item)
        else:
            paths.append(_as_path(item))
    return documents, paths


def _as_path(item: object) -> PathLike:
    if isinstance(item, str | os.PathLike):
        return item
    raise ConfigError(_not_a_source(item))


def _not_a_source(item: object) -> str:
    return f"sources: expected paths and ragkit.Document objects, got {type(item).__name__}"
