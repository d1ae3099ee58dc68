"""Qdrant by its client: a server, a cloud, or the local mode that stands in for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from ragkit.errors import ConfigError, MissingExtraError, StoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import Found, Point
from ragkit_connectors.qdrant.errors import explain, shortened, vendor_errors
from ragkit_connectors.qdrant.filters import of_client, remembered
from ragkit_connectors.qdrant.points import point_struct, sparse_vector
from ragkit_connectors.qdrant.port import DENSE, TERMS, Kind, Nearby, Question, Vectoring
from ragkit_connectors.qdrant.settings import QdrantSettings, where_of

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

PAGE = 256


def connect(settings: QdrantSettings) -> QdrantClient:
    """The client that settings name.

    Raises:
        MissingExtraError: the package is not installed.
        ConfigError: url is none.
        StoreError: another process has the folder open.
    """
    try:
        from qdrant_client import QdrantClient
    except ModuleNotFoundError as e:
        raise MissingExtraError("store/qdrant", package="qdrant_client", extra="qdrant") from e
    if settings.is_local:
        if settings.location is not None:
            return QdrantClient(location=settings.location)
        path = str(Path(str(settings.path)))
        try:
            # `QdrantServer` lets one thread in at a time.
            return QdrantClient(path=path, force_disable_check_same_thread=True)
        except (RuntimeError, OSError) as e:
            raise StoreError(
                f"{where_of(settings)}: cannot be opened ({shortened(e)}). A folder has one process; for "
                "more, start a server and set url"
            ) from e
    parts = urlsplit(settings.url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("store/qdrant: url: expected http://HOST:6333 or https://HOST:6333")
    try:
        return QdrantClient(
            url=settings.url,
            api_key=None if settings.api_key is None else settings.api_key.reveal(),
            prefer_grpc=settings.prefer_grpc,
            timeout=settings.timeout_s,
            check_compatibility=False,
        )
    except ValueError as e:
        raise ConfigError(f"store/qdrant: url: {shortened(e)}. Expected http://HOST:6333") from e


class ByClient:
    """The calls of a client.

    Args:
        client: of `qdrant_client`.
        is_local: whether it is in local mode, which compares with all anyway, and warns of search parameters.
    """

    def __init__(self, client: Any, *, is_local: bool) -> None:
        self._client, self._is_local = client, is_local
        self._words = of_client()

    def failures(self) -> tuple[type[Exception], ...]:
        """What the client may raise."""
        return vendor_errors()

    def explain(self, error: Exception, where: str) -> StoreError:
        """Our error for one of these."""
        return explain(error, where)

    # --- collections ------------------------------------------------------------------------------

    def version(self) -> str:
        """As the server says it."""
        return str(getattr(self._client.info(), "version", ""))

    def exists(self, name: str) -> bool:
        """Whether there is such a collection."""
        return bool(self._client.collection_exists(collection_name=name))

    def create(self, name: str, dimension: int | None) -> None:
        """Makes a collection, of chunks or of records."""
        from qdrant_client import models

        # Vectors have unit length, so the dot product is the cosine, and they come back as they were written.
        # Records have no vectors, and the engine wants a collection to name one.
        dense = {} if dimension is None else {DENSE: _dense(dimension)}
        self._client.create_collection(
            collection_name=name,
            vectors_config=dense,
            sparse_vectors_config={TERMS: models.SparseVectorParams()},
        )

    def drop(self, name: str) -> None:
        """Removes a collection."""
        self._client.delete_collection(collection_name=name)

    def vectoring(self, name: str) -> Vectoring:
        """What vectors it holds."""
        config = self._client.get_collection(collection_name=name).config
        params = config.params
        vectors = params.vectors if isinstance(params.vectors, dict) else {"": params.vectors}
        described = {
            at: (int(getattr(v, "size", 0)), str(getattr(v, "distance", ""))) for at, v in vectors.items()
        }
        size, distance = described.get(DENSE, (0, ""))
        changing = [getattr(config, "quantization_config", None)] + [
            getattr(vectors.get(DENSE), key, None) for key in ("quantization_config", "datatype")
        ]
        is_float32 = all(found in (None, "float32") for found in changing)
        return Vectoring(
            described,
            size,
            is_dot=distance.lower().endswith("dot"),
            has_terms=TERMS in (params.sparse_vectors or {}),
            is_float32=is_float32,
        )

    def index(self, name: str, key: str, kind: Kind) -> None:
        """Makes a payload index; local mode has none."""
        if not self._is_local:
            self._client.create_payload_index(
                collection_name=name, field_name=key, field_schema=_schema(kind), wait=True
            )

    # --- writing ----------------------------------------------------------------------------------

    def put(self, name: str, points: Sequence[Point]) -> None:
        """Writes points under their ids."""
        made = [point_struct(point) for point in points]
        self._client.upsert(collection_name=name, points=made, wait=True)

    def set(self, name: str, values: Mapping[str, Any], condition: Condition, only: str | None) -> None:
        """`set_payload` under a condition: the server applies that in one step."""
        from qdrant_client import models

        wanted = self._words.said(condition)
        if only is not None:
            parts = [] if wanted is None else [wanted]
            wanted = models.Filter(must=[models.HasIdCondition(has_id=[only]), *parts])
        self._client.set_payload(
            collection_name=name,
            payload=dict(values),
            points=_some(wanted),
            wait=True,
            ordering=models.WriteOrdering.STRONG,
        )

    def delete(self, name: str, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        from qdrant_client import models

        selector = models.FilterSelector(filter=_some(self._words.said(condition)))
        self._client.delete(collection_name=name, points_selector=selector, wait=True)

    def remove(self, name: str, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        from qdrant_client import models

        selector = models.PointIdsList(points=list(ids))
        self._client.delete(collection_name=name, points_selector=selector, wait=True)

    # --- reading ----------------------------------------------------------------------------------

    def retrieve(self, name: str, ids: Sequence[str], *, is_read: bool) -> dict[str, Found]:
        """The points with these ids that are there, by id."""
        points = self._client.retrieve(
            collection_name=name,
            ids=list(ids),
            with_payload=not is_read,
            with_vectors=[DENSE] if is_read else False,
        )
        return {str(point.id): _found(point, is_read=is_read) for point in points}

    def count(self, name: str, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        found = self._client.count(collection_name=name, count_filter=self._words.said(condition), exact=True)
        return int(found.count)

    def page(
        self, name: str, condition: Condition, keys: Sequence[str], offset: Any, *, is_read: bool
    ) -> tuple[list[Found], Any]:
        """Some points for which a condition holds, and where the next page begins."""
        points, after = self._client.scroll(
            collection_name=name,
            scroll_filter=self._words.said(condition),
            limit=PAGE,
            offset=offset,
            with_payload=list(keys),
            with_vectors=[DENSE] if is_read else False,
        )
        return [_found(point, is_read=is_read) for point in points], after

    def ask(
        self, name: str, questions: Sequence[Question], condition: Condition, keys: Sequence[str], limit: int
    ) -> list[list[Found]]:
        """Hits for each question: one alone costs the server less than as a batch of one."""
        from qdrant_client import models

        shown, payload = remembered(self._words, condition), list(keys)
        asked = [self._said(question) for question in questions]
        if len(asked) == 1:
            query, using, params, is_read = asked[0]
            answers = [
                self._client.query_points(
                    collection_name=name,
                    query=query,
                    using=using,
                    query_filter=shown,
                    search_params=params,
                    limit=limit,
                    with_payload=payload,
                    with_vectors=[DENSE] if is_read else False,
                )
            ]
        else:
            requests = [
                models.QueryRequest(
                    query=query,
                    using=using,
                    filter=shown,
                    params=params,
                    limit=limit,
                    with_payload=payload,
                    with_vector=[DENSE] if is_read else False,
                )
                for query, using, params, is_read in asked
            ]
            answers = self._client.query_batch_points(collection_name=name, requests=requests)
        return [
            [_found(hit, is_read=is_read, score=hit.score) for hit in answer.points]
            for answer, (*_, is_read) in zip(answers, asked, strict=True)
        ]

    def _said(self, question: Question) -> tuple[Any, str, Any, bool]:
        if not isinstance(question, Nearby):
            return sparse_vector(question), TERMS, None, False
        params = None if self._is_local else _params(question.ef)
        return question.vector, DENSE, params, question.is_read

    # --- this side's work -------------------------------------------------------------------------

    def settle(self, name: str) -> None:
        """Nothing to do: with `wait` what is written is found at once, and the server keeps it."""

    def tidy(self, *, is_erased: bool) -> None:
        """Nothing to do: the server's optimizer does it by itself."""

    def close(self) -> None:
        """Closes the client."""
        self._client.close()


def _found(point: Any, *, is_read: bool, score: float = 0.0) -> Found:
    return Found(point.payload, read_vector=partial(_vector_of, point) if is_read else None, score=score)


def _vector_of(point: Any) -> Vectors:
    """The stored vector of a point, as it was written."""
    return np.asarray(point.vector[DENSE], dtype=np.float32)


def _some(wanted: models.Filter | None) -> models.Filter:
    assert wanted is not None, "everything is never meant where something is written"
    return wanted


def _dense(dimension: int) -> models.VectorParams:
    from qdrant_client import models

    return models.VectorParams(size=dimension, distance=models.Distance.DOT)


@lru_cache(maxsize=64)
def _params(ef: int | None) -> models.SearchParams:
    """How a question is searched: by what was written, also where somebody quantized the collection since."""
    from qdrant_client import models

    whole = models.QuantizationSearchParams(ignore=True)
    return models.SearchParams(exact=ef is None, hnsw_ef=ef, quantization=whole)


def _schema(kind: Kind) -> Any:
    from qdrant_client import models

    if kind == "tenant":
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    return {
        "keyword": models.PayloadSchemaType.KEYWORD,
        "integer": models.PayloadSchemaType.INTEGER,
        "float": models.PayloadSchemaType.FLOAT,
    }[kind]
