"""Qdrant's engine within the process (package qdrant-edge-py): a folder with a shard for each collection.

The engine locks a shard's log, so one process has a folder open at a time. It writes every change to that log
first and reads it again when a shard is opened, so a process that dies loses nothing that was acknowledged.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import CorruptIndexError, MissingExtraError, StoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import Found, Point
from ragkit_connectors.qdrant.errors import shortened
from ragkit_connectors.qdrant.filters import of_engine, remembered
from ragkit_connectors.qdrant.points import terms_of
from ragkit_connectors.qdrant.port import DENSE, TERMS, Kind, Nearby, Question, Vectoring
from ragkit_connectors.qdrant.settings import QdrantSettings, where_of
from ragkit_connectors.qdrant.turns import Turns

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

PAGE = 256
PACKAGE, EXTRA = "qdrant_edge", "qdrant-edge"
_CONFIG, _LOG = "edge_config.json", "wal"
_UNFINISHED, _OLD_LOG = ".new", "wal.old"


class ByEngine:
    """The calls of the engine.

    Args:
        settings: where its folder is.

    Raises:
        MissingExtraError: the package is not installed.
    """

    def __init__(self, settings: QdrantSettings) -> None:
        try:
            self._words = of_engine()
        except ModuleNotFoundError as e:
            raise MissingExtraError("store/qdrant", package=PACKAGE, extra=EXTRA) from e
        self._settings = settings
        self._folder = Path(str(settings.path))
        self._shards: dict[str, EdgeShard] = {}
        self._unsettled: set[str] = set()
        self._opening = threading.Lock()
        self._turns = Turns()
        self._process = os.getpid()

    def failures(self) -> tuple[type[Exception], ...]:
        """What the engine may raise: `Exception` itself, and nothing narrower."""
        return (Exception,)

    def explain(self, error: Exception, where: str) -> StoreError:
        """Our error for one of these."""
        if type(error) is not Exception and not isinstance(error, OSError):
            raise error  # a mistake of ours
        said = shortened(error)
        if "WouldBlock" in said:
            return StoreError(
                f"{where}: this folder is open already, here or in another process, and it has one at a "
                "time. Close that; for several processes, start a server and set url"
            )
        if "No space left" in said:
            return StoreError(f"{where}: the disk is full ({said}). Make room, then try again")
        if "cannot load" in said or "Failed to load" in said:
            return CorruptIndexError(
                f"{where}: the engine cannot read its files ({said}). Restore a copy of the folder, or "
                "ingest again under another path"
            )
        return StoreError(f"{where}: the engine refuses ({said})")

    # --- collections ------------------------------------------------------------------------------

    def version(self) -> str:
        """Nothing: the package's version says it."""
        return ""

    def exists(self, name: str) -> bool:
        """Whether there is such a shard."""
        return (self._folder / name / _CONFIG).is_file()

    def create(self, name: str, dimension: int | None) -> None:
        """Makes a shard: its folder gets its name when it is whole."""
        import qdrant_edge as edge

        unfinished = self._folder / f"{name}{_UNFINISHED}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        dense = {} if dimension is None else {DENSE: edge.EdgeVectorParams(dimension, edge.Distance.Dot)}
        kilobytes = self._settings.compared * (dimension or 1) * 4 // 1024
        config = edge.EdgeConfig(
            vectors=dense,
            sparse_vectors={TERMS: edge.EdgeSparseVectorParams()},
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=max(1, kilobytes)),
        )
        edge.EdgeShard.create(str(unfinished), config).close()
        unfinished.rename(self._folder / name)

    def drop(self, name: str) -> None:
        """Closes a shard and removes its folder."""
        with self._turns.alone():
            if (shard := self._shards.pop(name, None)) is not None:
                shard.close()
            self._unsettled.discard(name)
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def vectoring(self, name: str) -> Vectoring:
        """As the shard's own configuration says."""
        config = json.loads((self._folder / name / _CONFIG).read_text("utf-8"))
        vectors = config.get("vectors") or {}
        described = {at: (int(v["size"]), str(v["distance"])) for at, v in vectors.items()}
        size, distance = described.get(DENSE, (0, ""))
        dense = vectors.get(DENSE) or {}
        is_plain = not (config.get("quantization_config") or dense.get("quantization_config"))
        return Vectoring(
            described,
            size,
            is_dot=distance == "Dot",
            has_terms=TERMS in (config.get("sparse_vectors") or {}),
            is_float32=is_plain and dense.get("datatype") in (None, "float32"),
        )

    def index(self, name: str, key: str, kind: Kind) -> None:
        """Makes a payload index."""
        import qdrant_edge as edge

        schemas: dict[Kind, Any] = {
            "tenant": edge.KeywordIndexParams(is_tenant=True),
            "keyword": edge.PayloadSchemaType.Keyword,
            "integer": edge.PayloadSchemaType.Integer,
            "float": edge.PayloadSchemaType.Float,
        }
        self._update(name, edge.UpdateOperation.create_field_index(key, schemas[kind]))

    # --- writing ----------------------------------------------------------------------------------

    def put(self, name: str, points: Sequence[Point]) -> None:
        """Writes points under their ids."""
        import qdrant_edge as edge

        made = [edge.Point(point.id, _vectors(point), point.payload) for point in points]
        self._update(name, edge.UpdateOperation.upsert_points(made))

    def set(self, name: str, values: Mapping[str, Any], condition: Condition, only: str | None) -> None:
        """One operation of the engine, which lets no other in between."""
        import qdrant_edge as edge

        wanted = self._words.said(condition)
        if only is not None:
            parts = [] if wanted is None else [wanted]
            wanted = edge.Filter(must=[edge.HasIdCondition({only}), *parts])
        assert wanted is not None, "everything is never meant where something is written"
        self._update(name, edge.UpdateOperation.set_payload_by_filter(wanted, dict(values)))

    def delete(self, name: str, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        import qdrant_edge as edge

        wanted = self._words.said(condition)
        assert wanted is not None, "everything is never meant where something is removed"
        self._update(name, edge.UpdateOperation.delete_points_by_filter(wanted))

    def remove(self, name: str, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        import qdrant_edge as edge

        self._update(name, edge.UpdateOperation.delete_points(list(ids)))

    def _update(self, name: str, change: Any) -> None:
        with self._shard(name) as shard:
            self._unsettled.add(name)
            shard.update(change)

    # --- reading ----------------------------------------------------------------------------------

    def retrieve(self, name: str, ids: Sequence[str], *, is_read: bool) -> dict[str, Found]:
        """The points with these ids that are there, by id."""
        with self._shard(name) as shard:
            points = shard.retrieve(list(ids), not is_read, [DENSE] if is_read else False)
        return {str(point.id): _found(point, is_read=is_read) for point in points}

    def count(self, name: str, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        import qdrant_edge as edge

        with self._shard(name) as shard:
            return int(shard.count(edge.CountRequest(exact=True, filter=self._words.said(condition))))

    def page(
        self, name: str, condition: Condition, keys: Sequence[str], offset: Any, *, is_read: bool
    ) -> tuple[list[Found], Any]:
        """Some points for which a condition holds, and where the next page begins."""
        import qdrant_edge as edge

        request = edge.ScrollRequest(
            offset=offset,
            limit=PAGE,
            filter=self._words.said(condition),
            with_payload=list(keys),
            with_vector=[DENSE] if is_read else False,
        )
        with self._shard(name) as shard:
            points, after = shard.scroll(request)
        return [_found(point, is_read=is_read) for point in points], after

    def ask(
        self, name: str, questions: Sequence[Question], condition: Condition, keys: Sequence[str], limit: int
    ) -> list[list[Found]]:
        """Hits for each question, in one pass over the segments."""
        import qdrant_edge as edge

        shown, payload = remembered(self._words, condition), list(keys)
        are_read = [isinstance(question, Nearby) and question.is_read for question in questions]
        queries = [
            edge.QueryRequest(
                limit=limit,
                query=_query(question),
                filter=shown,
                with_payload=payload,
                with_vector=[DENSE] if is_read else False,
                params=_params(question.ef) if isinstance(question, Nearby) else None,
            )
            for question, is_read in zip(questions, are_read, strict=True)
        ]
        with self._shard(name) as shard:
            answers = (
                [shard.query(queries[0])]
                if len(queries) == 1
                else shard.query_batch(edge.QueryBatchRequest(queries))
            )
        return [
            [_found(hit, is_read=is_read, score=hit.score) for hit in hits]
            for hits, is_read in zip(answers, are_read, strict=True)
        ]

    # --- this side's work -------------------------------------------------------------------------

    def settle(self, name: str) -> None:
        """Writes what was changed to the disk, so that it outlasts a power cut."""
        with self._shard(name) as shard:
            if name in self._unsettled:
                self._unsettled.discard(name)
                shard.flush()

    def tidy(self, *, is_erased: bool) -> None:
        """Lets the engine merge and vacuum its segments, and build its graph where there are many vectors.

        What was deleted may be left in the log, whose parts the engine keeps until they are full: where it
        must be gone, the log is begun anew once all of it is in the segments.
        """
        for name in sorted(path.parent.name for path in self._folder.glob(f"*/{_CONFIG}")):
            with self._shard(name) as shard:
                shard.optimize()
                shard.flush()
            if is_erased:
                self._begin_log(name)

    def _begin_log(self, name: str) -> None:
        folder = self._folder / name
        with self._turns.alone():
            shard = self._shards.pop(name)
            shard.flush()
            shard.close()
            # In one step: of half a log nothing may be read again.
            (folder / _LOG).rename(folder / _OLD_LOG)
            self._load(name)

    def close(self) -> None:
        """Closes all shards; what they hold is on the disk then."""
        if self._process != os.getpid():
            return  # after a fork they are the parent's
        with self._turns.alone():
            while self._shards:
                self._shards.popitem()[1].close()
            self._unsettled.clear()
            self._process = 0

    # --- shards -----------------------------------------------------------------------------------

    @contextmanager
    def _shard(self, name: str) -> Iterator[EdgeShard]:
        """A shard that nobody closes meanwhile.

        Raises:
            StoreError: it was closed, or belongs to another process.
        """
        if self._process != os.getpid():
            if not self._process:
                raise StoreError(f"{where_of(self._settings)}: this store was closed. Open another one")
            raise StoreError(
                f"{where_of(self._settings)}: it was opened before this process was forked, and a folder has "
                "one process. Open it after the fork; for several processes, start a server and set url"
            )
        with self._turns.together():
            shard = self._shards.get(name)
            if shard is None:
                with self._opening:
                    shard = self._shards.get(name) or self._load(name)
            yield shard

    def _load(self, name: str) -> EdgeShard:
        import qdrant_edge as edge

        if not self.exists(name):
            raise CorruptIndexError(
                f"{where_of(self._settings)}: a collection of the index is not there ({name}). Check path "
                "and collection; restore a copy of the folder, or ingest again"
            )
        shutil.rmtree(self._folder / name / _OLD_LOG, ignore_errors=True)
        self._shards[name] = shard = edge.EdgeShard.load(str(self._folder / name))
        return shard


def _vectors(point: Point) -> dict[str, Any]:
    import qdrant_edge as edge

    if point.vector is None:
        return {}
    vectors: dict[str, Any] = {DENSE: point.vector.tolist()}
    if terms := terms_of(point):
        vectors[TERMS] = edge.SparseVector(list(terms), list(terms.values()))
    return vectors


def _query(question: Question) -> Any:
    import qdrant_edge as edge

    if isinstance(question, Nearby):
        return edge.Query.Nearest(question.vector, using=DENSE)
    return edge.Query.Nearest(edge.SparseVector(list(question), list(question.values())), using=TERMS)


@lru_cache(maxsize=64)
def _params(ef: int | None) -> Any:
    import qdrant_edge as edge

    return edge.SearchParams(hnsw_ef=ef, exact=ef is None)


def _found(point: Any, *, is_read: bool, score: float = 0.0) -> Found:
    return Found(point.payload, read_vector=partial(_vector_of, point) if is_read else None, score=score)


def _vector_of(point: Any) -> Vectors:
    """The stored vector of a point, as it was written."""
    return np.asarray(point.vector[DENSE], dtype=np.float32)
