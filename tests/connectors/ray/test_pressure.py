"""However many documents there are, so many are under way and no more; they come back in their order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest

from ragkit.assembly import Assembly
from ragkit.config.defaults import default_config
from ragkit.config.recipe import making_recipe
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.embed import Embedding
from ragkit.ingest.making import Given, Making
from ragkit.ingest.pipeline import measured
from ragkit.text.analyze import Analyzer
from ragkit.types import Document
from ragkit_connectors.ray import OnRay
from ragkit_connectors.ray.crew import RayCrew
from ragkit_connectors.ray.pool import Pool
from ragkit_connectors.ray.worker import Worker

N, LENGTH = 120, 20_000


class InThread:
    """A real worker that is no actor, and what it was given so far."""

    size = 1

    def __init__(self, setup: bytes) -> None:
        self._worker = Worker()
        self._worker.hello(setup)
        self._thread = ThreadPoolExecutor(1)
        self.n_tasks = self.n_bytes = 0

    def submit(self, method: str, payload: bytes, **options: Any) -> Future[bytes]:
        self.n_tasks += 1
        self.n_bytes += len(payload)
        return self._thread.submit(getattr(self._worker, method), payload)

    def close(self) -> None:
        self._thread.shutdown()


@pytest.fixture
def making() -> Making:
    config = default_config()
    embedder = Assembly(config, create=False).embedder("embed")
    chunker = measured(RecursiveChunker(), embedder)
    return Making(chunker, Analyzer(), fields={}, given=Given(metadata={"team": "a"}), fingerprint="f")


@pytest.fixture
def pool(making: Making) -> Iterator[InThread]:
    made = InThread(OnRay()._setup(making_recipe(default_config(), ["embed"], {}), None, making))
    yield made
    made.close()


@pytest.mark.parametrize("max_bytes", [1, 200_000, 10**9])
def test_bytes_and_tasks_under_way_are_bounded_and_the_order_stays(
    pool: InThread, making: Making, max_bytes: int
) -> None:
    documents = [Document(f"d{n}", f"Report {n}. " + "x" * LENGTH) for n in range(N)]
    embedding = Embedding(Assembly(default_config(), create=False).embedder("embed"))
    crew = RayCrew(cast(Pool, pool), making, embedding, max_bytes=max_bytes)
    most_held = most_ahead = 0
    taken = []
    for n, read in enumerate(crew.read(iter(documents), lambda id_: "")):
        most_held = max(most_held, pool.n_bytes - n * LENGTH)
        most_ahead = max(most_ahead, pool.n_tasks - n // 27)
        taken.append(read.document())
    assert taken == [making.document(document) for document in documents]
    a_bundle = 28 * (LENGTH + 2_000)
    assert most_held <= max(max_bytes, a_bundle) + 2 * a_bundle
    assert most_ahead <= 3 * pool.size + 3
    assert pool.n_tasks >= N // 32
