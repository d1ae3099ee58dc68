"""From every store into every other: killed on the way, nothing is lost, doubled or answered otherwise."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ragkit.store.collection import StoreCollection
from ragkit.store.migrate import migrate
from tests.connectors.loopback import Loopback
from tests.connectors.migrator import Migrator
from tests.scale import IS_FULL, scaled
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

KINDS = ("local", "pgvector", "qdrant", "opensearch")
PAIRS = [
    *itertools.permutations(KINDS, 2),
    ("local", "milvus"),
    ("milvus", "local"),
    ("local", "lancedb"),
    ("lancedb", "local"),
    ("local", "weaviate"),
    ("weaviate", "local"),
    ("local", "pinecone"),
    ("pinecone", "local"),
]


def opened(place: str) -> StoreCollection:
    """The collection at a place, which names its kind first; made if it is not there."""
    kind, *where = place.split("|")
    if kind == "local":
        return at(Path(where[0]))
    if kind == "pgvector":
        from ragkit_connectors.pgvector import PgvectorStore

        return collection(PgvectorStore(dsn=where[0], name=where[1]).open(SPEC))
    if kind == "qdrant":
        from ragkit_connectors.qdrant import QdrantStore

        return collection(QdrantStore(path=where[0], collection="c").open(SPEC))
    if kind == "lancedb":
        from ragkit_connectors.lancedb import LanceStore

        return collection(LanceStore(path=where[0]).open(SPEC))
    if kind == "milvus":
        from ragkit_connectors.milvus import MilvusStore

        return collection(MilvusStore(path=where[0], partitions=2).open(SPEC))
    if kind == "weaviate":
        from ragkit_connectors.weaviate import WeaviateStore

        return collection(WeaviateStore(url=where[0]).open(SPEC))
    if kind == "pinecone":
        from ragkit_connectors.pinecone import PineconeStore

        return collection(PineconeStore(host=where[0]).open(SPEC))
    from ragkit_connectors.opensearch import OpenSearchStore

    return collection(OpenSearchStore(hosts=[where[0]], name=where[1], replicas=0).open(SPEC))


class Places:
    """Empty places for stores of each kind, for the time of a test."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._held, self._numbers = folder, ExitStack(), itertools.count()

    def new(self, kind: str) -> str:
        """A place where nothing is yet."""
        number = next(self._numbers)
        if kind == "local":
            return f"local|{self._folder / f'local{number}'}"
        if kind == "pgvector":
            from tests.connectors.pgvector_server import Stores as PgStores

            made = self._held.enter_context(closing(PgStores()))
            config = made.unopened().config
            return f"pgvector|{config.dsn.reveal()}|{config.name}"
        if kind == "qdrant":
            pytest.importorskip("qdrant_client", reason="needs the extra qdrant")
            return f"qdrant|{self._folder / f'qdrant{number}'}"
        if kind == "lancedb":
            pytest.importorskip("lancedb", reason="needs the extra lancedb")
            return f"lancedb|{self._folder / f'lancedb{number}'}"
        if kind == "milvus":
            pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
            return f"milvus|{self._folder / f'milvus{number}.db'}"
        if kind == "weaviate":
            pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
            from tests.connectors.weaviate.server.service import Weaviate

            return f"weaviate|{self._held.enter_context(Loopback(Weaviate())).url}"
        if kind == "pinecone":
            from tests.connectors.pinecone.server.service import Pinecone

            index = Pinecone(SPEC.dimension)
            index.is_lagging = False
            return f"pinecone|{self._held.enter_context(Loopback(index)).url}"
        pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
        from tests.connectors.opensearch.stores import Stores as OpenSearchStores

        served = self._held.enter_context(closing(OpenSearchStores()))
        return f"opensearch|{served.server.url}|pairs{number}"

    def close(self) -> None:
        """Stops and removes what was started."""
        self._held.close()


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    made = Places(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def migrator() -> Iterator[Migrator]:
    made = Migrator()
    yield made
    made.close()


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("seed", range(scaled(40, part=40)))
def test_killed_at_random_points_nothing_is_lost_or_doubled(
    first: str, second: str, seed: int, places: Places, migrator: Migrator
) -> None:
    # The servers that are imitated in Python with their query language take seconds for each migration.
    n = 60 if IS_FULL or not {first, second} & {"weaviate", "pinecone"} else 20
    source_place, target_place = places.new(first), places.new(second)
    with closing(opened(source_place)) as source:
        fill(source.store, n)
    chosen, killed = random.Random(f"{first} {second} {seed}"), 0
    for _ in range(6):
        code = migrator.run(source_place, target_place, chosen.randint(1, n * 3 // 2))
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
    assert killed > 0
    with closing(opened(source_place)) as source, closing(opened(target_place)) as target:
        check_same(source, target, migrate(source, target))
        assert target.store.verify() == []  # type: ignore[attr-defined]
