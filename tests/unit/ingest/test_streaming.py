"""Sources that are read once: generators, sized iterables, async generators."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.errors import ConfigError
from ragkit.ingest.apart import ingest_apart
from ragkit.ingest.feed import Item
from ragkit.ingest.report import IngestReport
from ragkit.protocols import Change, DocumentState, TextKind, Vectors
from ragkit.types import Document
from tests.unit.ingest.test_pipeline import Bench, CountingStore


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def documents(n: int) -> Iterator[Document]:
    return (Document(f"d{i:05}", f"text of document {i}") for i in range(n))


def totals(bench: Bench, sources: Any) -> set[int | None]:
    """The totals that were told before the last word."""
    told: list[int | None] = []
    bench.ingest(sources, progress=lambda done, total, what: told.append(total))
    return set(told[:-1])


def test_a_generator_is_read_once_and_has_no_total(bench: Bench) -> None:
    assert totals(bench, documents(10)) == {None}
    assert len(bench.texts()) == 10


def test_a_list_has_a_total(bench: Bench) -> None:
    assert totals(bench, list(documents(10))) == {10}


def test_what_knows_its_length_has_a_total_and_is_read_once(bench: Bench) -> None:
    class Rows:
        n_readings = 0

        def __len__(self) -> int:
            return 10

        def __iter__(self) -> Iterator[Document]:
            self.n_readings += 1
            return documents(10)

    rows = Rows()
    assert totals(bench, rows) == {10}
    assert rows.n_readings == 1


def test_paths_of_a_generator_have_the_ids_of_the_same_list(bench: Bench) -> None:
    for name in ("a/x.md", "b/y.md"):
        (bench.folder / name).parent.mkdir()
        (bench.folder / name).write_text("text")
    bench.ingest(path for path in sorted(bench.folder.glob("*/*.md")))
    assert set(bench.texts()) == {"a/x.md", "b/y.md"}


def test_paths_among_documents_come_last_and_count(bench: Bench) -> None:
    bench.write(a="one")
    items: list[Any] = [Document("d", "two"), bench.folder, Document("e", "three")]
    told: list[tuple[int, int | None]] = []
    bench.ingest(iter(items), progress=lambda done, total, what: told.append((done, total)))
    assert told[-1] == (3, 3)
    assert set(bench.texts()) == {"a.md", "d", "e"}


@pytest.mark.parametrize("nothing", [[], (), set(), iter(())])
def test_nothing_at_all_is_an_empty_report(bench: Bench, nothing: Any) -> None:
    told: list[tuple[int, int | None]] = []
    report = bench.ingest(nothing, progress=lambda done, total, what: told.append((done, total)))
    assert (report.seen, report.notes, bench.store.commits) == (0, (), 0)
    assert told[-1] == (0, 0)


@pytest.mark.parametrize("wrong", [7, [7], iter([Document("a", "x"), {"id": "b"}]), b"docs"])
def test_what_is_neither_path_nor_document_is_refused(bench: Bench, wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"expected paths and ragkit.Document objects, got (int|dict)"):
        bench.ingest(wrong)


def test_an_error_of_the_generator_ends_the_run_and_leaves_whole_batches(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 8)

    def broken() -> Iterator[Document]:
        yield from documents(20)
        raise OSError("the database went away")

    with pytest.raises(OSError, match="the database went away"):
        bench.ingest(broken())
    assert len(bench.texts()) == 16


def test_a_generator_is_read_little_further_than_is_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 8)
    monkeypatch.setattr("ragkit.ingest.pipeline.MAX_CHUNKS", 8)
    read = 0
    distances: list[int] = []

    def counted() -> Iterator[Document]:
        nonlocal read
        for document in documents(300):
            read += 1
            yield document

    bench.ingest(counted(), progress=lambda done, total, what: distances.append(read - done))
    # 8 in the batch, 8 that wait (2 each of room for 16), and one on each side of the queue.
    assert max(distances) <= 18


class Forgetful(CountingStore):
    """Counts what it is given and keeps nothing, so that what is left in memory is ingestion's own."""

    def commit(self, changes: Iterable[Change]) -> int:
        self.commits += 1
        return len(list(changes))

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        return None


def test_a_document_that_was_seen_leaves_less_than_a_hundred_bytes(bench: Bench) -> None:
    bench.store.__class__ = Forgetful
    at_end: dict[int, int] = {}
    tracemalloc.start()
    try:
        for n in (1_200, 1_200, 5_000):  # the first makes whatever is made once
            held: list[int] = []
            alike = (Document(f"d{i:05}", "the same few words") for i in range(n))
            bench.ingest(alike, progress=lambda *_, h=held: h.append(tracemalloc.get_traced_memory()[0]))
            at_end[n] = held[-1]
    finally:
        tracemalloc.stop()
    assert at_end[5_000] - at_end[1_200] < 3_800 * 100


def test_tiny_documents_are_committed_by_the_thousand(bench: Bench) -> None:
    bench.store.__class__ = Forgetful
    bench.ingest(documents(5_000))
    # 128 to learn the model's speed, then 1,024 each.
    assert bench.store.commits == 6


# --- async ----------------------------------------------------------------------------------------


def ingesting(bench: Bench) -> Callable[[Item | Iterable[Item], Callable[[], bool]], IngestReport]:
    return lambda items, stopped: bench.ingest(items, stopped=stopped)


async def stream(n: int) -> AsyncIterator[Document]:
    for document in documents(n):
        await asyncio.sleep(0)
        yield document


def test_an_async_generator_is_read_in_the_loop_of_the_caller(bench: Bench) -> None:
    threads = set()

    async def told() -> AsyncIterator[Document]:
        async for document in stream(200):
            threads.add(threading.get_ident())
            yield document

    report = asyncio.run(ingest_apart(ingesting(bench), told()))
    assert (report.committed, threads) == (200, {threading.get_ident()})


def test_the_loop_goes_on_while_documents_are_ingested(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, asked = threading.Event(), threading.Event()
    embed = bench.embedder.embed

    def patient(texts: Sequence[str], kind: TextKind) -> Vectors:
        begun.set()
        assert asked.wait(10)
        return embed(texts, kind)

    async def both() -> IngestReport:
        running = asyncio.create_task(ingest_apart(ingesting(bench), documents(3)))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        asked.set()
        return await running

    monkeypatch.setattr(bench.embedder, "embed", patient)
    assert asyncio.run(both()).committed == 3


def test_an_error_of_the_async_source_comes_out_as_it_is(bench: Bench) -> None:
    async def broken() -> AsyncIterator[Document]:
        yield Document("a", "x")
        raise OSError("the database went away")

    with pytest.raises(OSError, match="the database went away"):
        asyncio.run(ingest_apart(ingesting(bench), broken()))


def test_an_error_of_the_run_comes_out_as_it_is_and_closes_the_source(bench: Bench) -> None:
    bench.store.fails_at = 1
    closed = threading.Event()

    async def endless() -> AsyncIterator[Document]:
        try:
            n = 0
            while True:
                n += 1
                await asyncio.sleep(0)
                yield Document(f"d{n}", f"text {n}")
        finally:
            closed.set()

    with pytest.raises(ragkit.StoreError, match="disk full"):
        asyncio.run(ingest_apart(ingesting(bench), endless()))
    assert closed.is_set()


def test_a_cancelled_call_ends_after_the_batch_at_hand_and_keeps_what_is_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 8)
    monkeypatch.setattr("ragkit.ingest.pipeline.MAX_CHUNKS", 8)
    read = 0

    async def endless() -> AsyncIterator[Document]:
        nonlocal read
        while True:
            read += 1
            await asyncio.sleep(0)
            yield Document(f"d{read:05}", f"text {read}")

    async def cancelled() -> int:
        running = asyncio.create_task(ingest_apart(ingesting(bench), endless()))
        while bench.store.commits < 3:
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return bench.store.commits

    commits = asyncio.run(cancelled())
    assert len(bench.texts()) == 8 * commits
    assert read < 8 * commits + 100
    assert not any(t.name == "ragkit-ingest" for t in threading.enumerate())


def test_the_sync_and_the_async_face_take_async_sources(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        assert rag.ingest(stream(3), progress=False).committed == 3
        assert asyncio.run(rag.aingest(stream(3), progress=False)).unchanged == 3
        assert asyncio.run(rag.aingest(Document("d", "one"), progress=False)).committed == 1
