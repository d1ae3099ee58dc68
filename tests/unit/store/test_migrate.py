"""A collection in another store: the same documents, chunks and answers, whatever happens on the way."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ConfigError, CorruptIndexError, StoreError, TransientStoreError
from ragkit.fields import parse_fields
from ragkit.protocols import Change, Scope, TextKind, Vectors, VectorStore
from ragkit.store import migrate_parity
from ragkit.store.abilities import ReadingStore
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store.migrate import Migration, migrate
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import FIELDS, put, quarantine, remove, unit
from ragkit.text.analyze import Analyzer
from tests.scale import scaled

ANALYZER = Analyzer()
SPEC = StoreSpec(
    "none",
    embedder_fingerprint="none",
    dimension=8,
    analyzer_fingerprint=ANALYZER.fingerprint,
    fields={**FIELDS, **parse_fields({"tenant": "keyword!", "acl": ["keyword"]})},
)
WORDS = ("warranty", "return", "гарантия", "scanner", "years", "shop", "ремонт")


class NoEmbedder:
    """Nothing may be embedded."""

    name = fingerprint = "none"
    dimension, max_tokens = 8, 512
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        raise AssertionError("nothing may be embedded")


def collection(store: VectorStore) -> StoreCollection:
    return StoreCollection(store, embedder=NoEmbedder(), analyzer=ANALYZER, fields=SPEC.fields)


def at(path: Path, spec: StoreSpec = SPEC) -> StoreCollection:
    return collection(LocalStore(path=path).open(spec))


def document(number: int, version: int = 0) -> Change:
    """Some passages, with the terms that the analyzer gives for them."""
    made = random.Random(f"{number} {version}")
    passages = [
        (" ".join(made.choices(WORDS, k=5)), unit([made.gauss(0, 1) for _ in range(8)]))
        for _ in range(made.randint(0, 5))
    ]
    change = put(
        f"d{number}",
        passages,
        tenant=("acme", "globex")[number % 2],
        metadata={"lang": "en", "year": number, "tags": ["é", "x"]},
        acl=["staff"],
    )
    records = tuple(
        replace(record, terms=tuple(ANALYZER.terms(record.chunk.search_text))) for record in change.records
    )
    return replace(change, records=records)


def fill(store: VectorStore, n: int) -> None:
    """Documents of two tenants, some replaced, removed, quarantined with and without content."""
    for first in range(0, n, 50):
        store.commit([document(i) for i in range(first, min(first + 50, n))])
    store.commit([document(i, 1) for i in range(0, n, 7)])
    store.commit([remove(f"d{i}", tenant=("acme", "globex")[i % 2]) for i in range(5, n, 11)])
    store.commit([quarantine(f"d{i}", tenant=("acme", "globex")[i % 2]) for i in range(3, n, 13)])
    store.commit([quarantine("never read", tenant="acme")])


@pytest.fixture
def source(tmp_path: Path) -> Iterator[StoreCollection]:
    made = at(tmp_path / "source")
    fill(made.store, 60)
    yield made
    made.close()


@pytest.fixture
def opened() -> Iterator[Callable[..., StoreCollection]]:
    made: list[StoreCollection] = []

    def open_at(path: Path, spec: StoreSpec = SPEC) -> StoreCollection:
        made.append(at(path, spec))
        return made[-1]

    yield open_at
    for one in made:
        one.close()


Open = Callable[..., StoreCollection]


def check_same(source: StoreCollection, target: StoreCollection, done: Migration) -> None:
    parity = done.parity
    assert (parity.problems, parity.ok, parity.identical) == ((), True, parity.queries)
    assert parity.queries > 0
    assert source.counts() == target.counts()
    assert list(source.states()) == list(target.states())
    assert parity.chunks == source.counts().chunks


def test_all_is_there_and_answers_the_same(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    head, target = source.head(), opened(tmp_path / "target")
    done = migrate(source, target)
    check_same(source, target, done)
    n = len(list(source.states()))
    assert (done.copied, done.there, done.replaced, done.chunks) == (n, 0, 0, source.counts().chunks)
    assert (source.head(), source.store.verify(), target.store.verify()) == (head, [], [])  # type: ignore[attr-defined]


def test_what_a_reranker_read_goes_along(tmp_path: Path, opened: Open) -> None:
    source, target = opened(tmp_path / "source"), opened(tmp_path / "target")
    read, unread = document(0), document(2)
    records = tuple(replace(r, reading=b"read " + r.chunk.text.encode()) for r in read.records)
    assert records
    source.store.commit([replace(read, records=records), unread])
    migrate(source, target)
    store = target.store
    assert isinstance(store, ReadingStore)
    ids = [record.chunk.id for record in (*records, *unread.records)]
    kept = store.readings(ids, Scope(tenant="acme", acl=("staff",)))
    assert kept == [*(record.reading for record in records), *(None for _ in unread.records)]


def test_what_is_there_is_not_copied_again(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    target = opened(tmp_path / "target")
    first = migrate(source, target)
    head = target.head()
    again = migrate(source, target)
    assert (again.copied, again.there, again.chunks, target.head()) == (0, first.copied, 0, head)
    source.store.commit([document(20, 2)])
    third = migrate(source, target)
    assert (third.copied, third.replaced) == (1, 1)
    check_same(source, target, third)


def test_back_again(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    target = opened(tmp_path / "target")
    migrate(source, target)
    back = opened(tmp_path / "back")
    check_same(source, back, migrate(target, back))


def test_kept_content_of_another_pipeline_is_found(tmp_path: Path, opened: Open) -> None:
    source = opened(tmp_path / "source")
    source.store.commit([document(1), document(3)])
    failed = quarantine("d1", tenant="globex")
    source.store.commit([replace(failed, state=replace(failed.state, fingerprint="a newer one"))])
    target = opened(tmp_path / "target")
    check_same(source, target, migrate(source, target))
    assert target.counts().quarantined == 1


def test_foreign_documents_are_refused(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    target = opened(tmp_path / "target")
    target.store.commit([document(1000)])
    with pytest.raises(ConfigError, match=r"1 documents are there that .* does not hold \('d1000'\)"):
        migrate(source, target)
    assert target.counts().documents == 1


def test_a_document_that_nobody_can_read_is_said(tmp_path: Path, opened: Open) -> None:
    source = opened(tmp_path / "source")
    closed = [put(f"c{i}", [("text", unit([1] * 8))], tenant="acme") for i in range(7)]
    source.store.commit([document(1), *closed])
    target = opened(tmp_path / "target")
    with pytest.raises(StoreError, match=r"7 documents have no groups \(acl\).*copied: 'c0', .* 'c4'\. Give"):
        migrate(source, target)
    assert target.head() == 0


def test_the_same_folder_is_refused(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    with pytest.raises(TransientStoreError, match="is writing to this index"):
        migrate(source, opened(tmp_path / "source"))


def test_nobody_else_writes_meanwhile(source: StoreCollection, tmp_path: Path, opened: Open) -> None:
    other, target = opened(tmp_path / "source"), opened(tmp_path / "target")
    with other.writing(), pytest.raises(StoreError, match="is writing to this index"):
        migrate(source, target)
    assert target.head() == 0


def test_a_document_that_is_not_whole_is_no_success(
    source: StoreCollection, tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = source.store.fetch
    monkeypatch.setattr(source.store, "fetch", lambda ids, scope: [None, *fetch(ids, scope)[1:]])
    with pytest.raises(CorruptIndexError, match=r"chunks are there, expected \d+. Run ragkit verify"):
        migrate(source, opened(tmp_path / "target"))


def test_a_difference_is_found(
    source: StoreCollection, tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(tmp_path / "target")
    migrate(source, target)
    monkeypatch.setattr(
        target.store, "search", lambda vectors, k, scope: source.store.search(-vectors, k, scope)
    )
    vectors = target.store.vectors
    monkeypatch.setattr(target.store, "vectors", lambda ids, scope: np.flip(vectors(ids, scope), axis=1))
    parity = migrate(source, target).parity
    assert not parity.ok
    assert len(parity.problems) == 20 < parity.n_problems
    assert any("other vectors" in problem for problem in parity.problems)
    assert parity.overlap < migrate_parity.LEAST_OVERLAP


# --- killed at any moment -----------------------------------------------------------------------------

SCRIPT = """
import os, signal, sys
from pathlib import Path
from ragkit import failpoints
from ragkit.store import migrate as m
from tests.unit.store.test_migrate import at
m.BATCH_CHUNKS, m.BATCH_DOCUMENTS = 12, 8
left = int(sys.argv[3])
def count(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
source, target = at(Path(sys.argv[1])), at(Path(sys.argv[2]))
failpoints.watch(count)
done = m.migrate(source, target)
print(done.copied, done.there)
"""


def run(source: Path, target: Path, kill_after: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(source), str(target), str(kill_after)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize("seed", range(scaled(40)))
def test_killed_at_random_points_nothing_is_lost_or_doubled(
    seed: int, source: StoreCollection, tmp_path: Path, opened: Open
) -> None:
    """Each run is killed a little later on; the last one ends."""
    folder, chosen, killed = tmp_path / "target", random.Random(seed), 0
    opened(folder)
    for _ in range(8):
        done = run(tmp_path / "source", folder, chosen.randint(1, 120))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        documents = [state.document_id for state in at(folder).states()]
        assert len(documents) == len(set(documents))
    assert killed >= 2
    target = opened(folder)
    done_at_last = migrate(source, target)
    check_same(source, target, done_at_last)
    assert done_at_last.there > 0
    assert target.store.verify() == []  # type: ignore[attr-defined]
