"""Qdrant's engine within the process (package qdrant-edge-py): a folder with a shard for each collection.

One process has a folder open at a time. The engine writes every change to a log first, and reads that again
when a shard is opened, so a process that dies loses nothing that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ragkit.errors import CorruptIndexError, MissingExtraError, StoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import Found, Point
from ragkit_connectors.qdrant.errors import shortened
from ragkit_connectors.qdrant.filters import of_engine, remembered
from ragkit_connectors.qdrant.indexes import indexed_keys
from ragkit_connectors.qdrant.points import terms_of
from ragkit_connectors.qdrant.port import DENSE, TERMS, Kind, Nearby, Question, Vectoring
from ragkit_connectors.qdrant.settings import QdrantSettings
from ragkit_connectors.qdrant.shards import Shards

PAGE = 256
# Points of a shard; below, looking at each takes some milliseconds at most. Each index is a dozen of files,
# for which the disk is waited for when it is made and at each commit.
INDEXED_FROM = 256
PACKAGE, EXTRA = "qdrant_edge", "qdrant-edge"


class ByEngine:
    """The calls of the engine.

    Args:
        settings: where its folder is.

    Raises:
        MissingExtraError: the package is not installed.
        StoreError: the folder is open already.
    """

    def __init__(self, settings: QdrantSettings) -> None:
        try:
            self._words = of_engine()
        except ModuleNotFoundError as e:
            raise MissingExtraError("store/qdrant", package=PACKAGE, extra=EXTRA) from e
        self.settings = settings
        self._shards = Shards(settings)
        self._unsettled: set[str] = set()
        self._indexed: set[str] = set()

    def failures(self) -> tuple[type[Exception], ...]:
        """What the engine may raise: `Exception` itself, and nothing narrower."""
        return (Exception,)

    def explain(self, error: Exception, where: str) -> StoreError:
        """Our error for one of these."""
        if type(error) is not Exception and not isinstance(error, OSError):
            raise error  # a mistake of ours
        said = shortened(error)
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
        return self._shards.exists(name)

    def create(self, name: str, dimension: int | None) -> None:
        """Makes a shard, of chunks or of records."""
        self._shards.create(name, dimension)

    def drop(self, name: str) -> None:
        """Removes a shard."""
        self._shards.drop(name)

    def vectoring(self, name: str) -> Vectoring:
        """As the shard's own configuration says."""
        config = self._shards.config(name)
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
        if name not in self._indexed:
            self._index_many(name)

    def _index_many(self, name: str) -> None:
        """Makes the indexes that a shard with many points lacks."""
        with self._shards.use(name) as shard:
            info = shard.info()
        if info.points_count >= INDEXED_FROM:
            for own, key, kind in indexed_keys(self.settings):
                if own == name and key not in info.payload_schema:
                    self.index(name, key, kind)
            self._indexed.add(name)

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
        with self._shards.use(name) as shard:
            self._unsettled.add(name)
            shard.update(change)

    # --- reading ----------------------------------------------------------------------------------

    def retrieve(self, name: str, ids: Sequence[str], *, is_read: bool) -> dict[str, Found]:
        """The points with these ids that are there, by id."""
        with self._shards.use(name) as shard:
            points = shard.retrieve(list(ids), not is_read, [DENSE] if is_read else False)
        return {str(point.id): _found(point, is_read=is_read) for point in points}

    def count(self, name: str, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        import qdrant_edge as edge

        with self._shards.use(name) as shard:
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
        with self._shards.use(name) as shard:
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
        with self._shards.use(name) as shard:
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
        with self._shards.use(name) as shard:
            if name in self._unsettled:
                self._unsettled.discard(name)
                shard.flush()

    def tidy(self, *, is_erased: bool) -> None:
        """Lets the engine merge and vacuum its segments, and build its graph where there are many vectors.

        Where nothing that was deleted may be left, each shard is copied into a new one: the engine keeps
        bytes of deleted points in its log and in pages that are not full.
        """
        for name in self._shards.names():
            if is_erased:
                self._shards.renew(name)
            with self._shards.use(name) as shard:
                shard.optimize()
                shard.flush()

    def close(self) -> None:
        """Closes all shards."""
        self._shards.close()


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
