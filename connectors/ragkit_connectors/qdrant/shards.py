"""The two shards of an index in a folder: opened by one process, and made anew where bytes must go."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.failpoints import reach
from ragkit_connectors.qdrant.port import DENSE, TERMS
from ragkit_connectors.qdrant.settings import QdrantSettings, where_of
from ragkit_connectors.qdrant.turns import Turns

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

_CONFIG, _LOCK = "edge_config.json", ".lock"
_NEW, _OLD = ".new", ".old"  # after the name of a shard, which has no dot
_AT_ONCE = 256


class Shards:
    """Shards by name, of an index that no other process has open.

    Args:
        settings: where the folder is, and from how many vectors on a graph is built.

    Raises:
        StoreError: it is open already.
    """

    def __init__(self, settings: QdrantSettings) -> None:
        self._settings = settings
        self._folder = Path(str(settings.path))
        self._own = (settings.collection, settings.meta)
        self._shards: dict[str, EdgeShard] = {}
        self._opening = threading.Lock()
        self._turns = Turns()
        self._process = os.getpid()
        self._lock: int | None = None
        if self._folder.is_dir():
            self._take()

    def exists(self, name: str) -> bool:
        """Whether there is such a shard."""
        return (self._folder / name / _CONFIG).is_file()

    def names(self) -> list[str]:
        """Of the shards of this index that are there."""
        return [name for name in self._own if self.exists(name)]

    def config(self, name: str) -> dict[str, Any]:
        """What a shard was made with, as the engine wrote it."""
        found: dict[str, Any] = json.loads((self._folder / name / _CONFIG).read_text("utf-8"))
        return found

    @contextmanager
    def use(self, name: str) -> Iterator[EdgeShard]:
        """A shard that nobody closes meanwhile.

        Raises:
            CorruptIndexError: it is not there.
            StoreError: it was closed, or belongs to another process.
        """
        self._check_process()
        with self._turns.together():
            shard = self._shards.get(name)
            if shard is None:
                with self._opening:
                    shard = self._shards.get(name) or self._load(name)
            yield shard

    def create(self, name: str, dimension: int | None) -> None:
        """Makes a shard: its folder gets its name when it is whole."""
        self._check_process()
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._take()
        self._make(name, dimension).close()
        self._place(name, _NEW).rename(self._place(name))

    def drop(self, name: str) -> None:
        """Closes a shard and removes its folder."""
        self._check_process()
        with self._turns.alone():
            if (shard := self._shards.pop(name, None)) is not None:
                shard.close()
            shutil.rmtree(self._place(name), ignore_errors=True)

    def renew(self, name: str) -> None:
        """Copies what is in a shard into a new one, which takes its place: nothing that was deleted is left.

        A process that dies on the way leaves the old one or the new one, whole.
        """
        import qdrant_edge as edge

        with self._opened_alone(name) as old:
            dense = (self.config(name).get("vectors") or {}).get(DENSE)
            new = self._make(name, None if dense is None else int(dense["size"]))
            for key, found in old.info().payload_schema.items():
                new.update(edge.UpdateOperation.create_field_index(key, found.params or found.data_type))
            for points in _pages(old):
                new.update(edge.UpdateOperation.upsert_points(points))
            new.flush()
            new.close()
            old.close()
            reach("renew.copied")
            self._place(name).rename(self._place(name, _OLD))
            reach("renew.moved")
            self._place(name, _NEW).rename(self._place(name))
            reach("renew.done")
            shutil.rmtree(self._place(name, _OLD))

    def close(self) -> None:
        """Closes all shards; what they hold is on the disk then."""
        if self._process != os.getpid():
            return  # after a fork they are the parent's
        with self._turns.alone():
            while self._shards:
                self._shards.popitem()[1].close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
            self._process = 0

    @contextmanager
    def _opened_alone(self, name: str) -> Iterator[EdgeShard]:
        self._check_process()
        with self._turns.alone():
            shard = self._shards.pop(name, None) or self._load(name)
            self._shards.pop(name, None)
            yield shard

    def _make(self, name: str, dimension: int | None) -> EdgeShard:
        import qdrant_edge as edge

        place = self._place(name, _NEW)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        dense = {} if dimension is None else {DENSE: edge.EdgeVectorParams(dimension, edge.Distance.Dot)}
        kilobytes = self._settings.compared * (dimension or 1) * 4 // 1024
        config = edge.EdgeConfig(
            vectors=dense,
            sparse_vectors={TERMS: edge.EdgeSparseVectorParams()},
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=max(1, kilobytes)),
        )
        return edge.EdgeShard.create(str(place), config)

    def _load(self, name: str) -> EdgeShard:
        import qdrant_edge as edge

        if not self.exists(name):
            raise CorruptIndexError(
                f"{where_of(self._settings)}: a collection of the index is not there ({name}). Check path "
                "and collection; restore a copy of the folder, or ingest again"
            )
        self._shards[name] = shard = edge.EdgeShard.load(str(self._place(name)))
        return shard

    def _place(self, name: str, suffix: str = "") -> Path:
        return self._folder / f"{name}{suffix}"

    def _take(self) -> None:
        """Keeps others out, and ends what a process left that died while it renewed a shard."""
        handle = os.open(
            self._place(self._settings.collection, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(handle)
            raise StoreError(
                f"{where_of(self._settings)}: it is open already, here or in another process, and an "
                "index in a folder has one at a time. Close that; for several processes, start a server "
                "and set url"
            ) from e
        self._lock = handle
        for name in self._own:
            if (old := self._place(name, _OLD)).exists():
                if self.exists(name):
                    shutil.rmtree(old)
                else:
                    old.rename(self._place(name))
            shutil.rmtree(self._place(name, _NEW), ignore_errors=True)

    def _check_process(self) -> None:
        if self._process == os.getpid():
            return
        if not self._process:
            raise StoreError(f"{where_of(self._settings)}: this store was closed. Open another one")
        raise StoreError(
            f"{where_of(self._settings)}: it was opened before this process was forked, and a folder has one "
            "process. Open it after the fork; for several processes, start a server and set url"
        )


def _pages(shard: EdgeShard) -> Iterator[list[Any]]:
    """All points of a shard, some at a time, as they are written."""
    import qdrant_edge as edge

    offset = None
    while True:
        request = edge.ScrollRequest(offset=offset, limit=_AT_ONCE, with_payload=True, with_vector=True)
        points, offset = shard.scroll(request)
        if points:
            yield [edge.Point(point.id, point.vector or {}, point.payload) for point in points]
        if offset is None:
            return
