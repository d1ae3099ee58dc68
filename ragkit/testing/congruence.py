"""Whether a store answers as the exact oracle does, over random data, filters, readers and histories.

Needs the package hypothesis. Runs without pytest:

    result = congruence(make_store, cases=500, seed=1)
    assert result.failure is None, result.failure
"""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, configuration, given, seed, settings
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.fields import parse_fields
from ragkit.protocols import Manifest, Scope, SparseIndex, Vectors, VectorStore
from ragkit.store.abilities import CollectingStore
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.data import remove
from ragkit.testing.oracle import OracleStore

TOLERANCE = 1e-5
LEAST_OVERLAP = 0.99
_ALL = 10_000
PLAIN, READERS = made.Shape(False, False), made.Shape(True, True)


@dataclass(frozen=True, slots=True)
class Congruence:
    """How many cases agreed with the oracle.

    Args:
        n_cases: cases that were run to their end; each has several commits and several questions.
        seed: with the same one the same cases come.
        overlap: of an approximate store, the part of the oracle's nearest chunks that it found; else None.
        failure: the smallest case that differs, and how; None where all agree.
    """

    n_cases: int
    seed: int = field(kw_only=True)
    overlap: float | None = field(default=None, kw_only=True)
    failure: str | None = field(default=None, kw_only=True)


def congruence(
    make_store: Callable[[StoreSpec], VectorStore],
    *,
    cases: int,
    seed: int,
    shape: made.Shape = PLAIN,
    on_case: Callable[[int], None] | None = None,
) -> Congruence:
    """Compares a store with the oracle; the first difference ends it.

    Args:
        make_store: makes an empty store for a spec. It is called once, and the store is emptied by removals
            between cases.
        cases: how many cases.
        seed: of the random choices.
        shape: whether documents have tenants and acl.
        on_case: is told the number of cases that are done.
    """
    store = make_store(spec_for(shape))
    bench = _Bench(store, shape, on_case or _silent)
    failure = None
    with tempfile.TemporaryDirectory(prefix="ragkit-") as folder:
        # Otherwise Hypothesis would keep its notes in the folder that the caller works in.
        configuration.set_hypothesis_home_dir(folder)
        try:
            _test_of(bench, cases, seed)()
        except Exception as e:
            failure = _told(e)
        finally:
            configuration.set_hypothesis_home_dir(None)
    overlap = bench.overlap
    if failure is None and overlap is not None and overlap < LEAST_OVERLAP:
        failure = f"of the oracle's nearest chunks {overlap:.4f} were found, expected {LEAST_OVERLAP} or more"
    return Congruence(bench.n_cases, seed=seed, overlap=overlap, failure=failure)


def spec_for(shape: made.Shape) -> StoreSpec:
    """What the random documents of a shape need."""
    declared: dict[str, Any] = {"tenant": "keyword!"} if shape.tenants else {}
    if shape.acl:
        declared["acl"] = ["keyword"]
    fields = {**made.FIELDS, **parse_fields(declared)}
    return StoreSpec(
        "test", embedder_fingerprint="test", dimension=4, analyzer_fingerprint="test", fields=fields
    )


@st.composite
def readers(draw: st.DrawFn, shape: made.Shape, kept_from: int, head: int) -> Scope:
    """Who asks, with which filter, at which commit from `kept_from` to `head`."""
    few_groups = st.lists(st.sampled_from(made.GROUPS), max_size=2, unique=True).map(tuple)
    return Scope(
        draw(st.sampled_from([*made.TENANTS, *made.TENANTS, "nobody"])) if shape.tenants else None,
        # Of few groups alone, most readers would see nothing.
        draw(st.just(made.GROUPS) | st.just(made.GROUPS) | few_groups) if shape.acl else None,
        # Of nested filters alone, most would show all or nothing.
        draw(st.one_of(st.none(), st.none(), made.leaves(), made.leaves(), made.filters())),
        draw(st.none() | st.integers(kept_from, head)),
    )


def check_batch(ours: HitBatch, everything: HitBatch, k: int, *, is_exact: bool = True) -> None:
    """The hits are the oracle's `k` best; between scores that differ by rounding alone the order is free.

    Args:
        ours: what the store gave.
        everything: the oracle's ranking without a cut, so that a hit that may not be seen is found out.
        k: how many were asked for.
        is_exact: whether the store promises to miss nothing.

    Raises:
        AssertionError: they differ.
    """
    found, scores = ours.id_list(), ours.scores.tolist()
    wanted = dict(zip(everything.id_list(), everything.scores.tolist(), strict=True))
    assert len(found) == len(set(found)), f"a chunk came twice: {found}"
    for name, score in zip(found, scores, strict=True):
        assert name in wanted, f"chunk {name} is not among the hits of the oracle: {list(wanted)}"
        assert _is_near(score, wanted[name]), f"chunk {name}: score {score}, expected {wanted[name]}"
    for before, after in pairwise(zip(scores, found, strict=True)):
        assert (-before[0], before[1]) < (-after[0], after[1]), (
            f"{before} before {after}: expected score descending, then id"
        )
    if is_exact:
        best = list(wanted.values())[:k]
        assert len(scores) == len(best), f"{len(scores)} hits, expected {len(best)}"
        assert all(map(_is_near, scores, best)), f"scores {scores}, expected {best}"
        assert _is_near(ours.ceiling, everything.ceiling), f"ceiling {ours.ceiling}, not {everything.ceiling}"


def _is_near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(1.0, abs(b))


class _Bench:
    """One store that is compared in many cases, and what was counted."""

    def __init__(self, store: VectorStore, shape: made.Shape, on_case: Callable[[int], None]) -> None:
        self.store, self.shape, self.on_case = store, shape, on_case
        self.n_cases = 0
        self.is_exact = store.capabilities.exact_dense
        self._found = self._wanted = 0
        self._written: set[tuple[str, str]] = set()

    @property
    def overlap(self) -> float | None:
        if self.is_exact:
            return None
        return self._found / self._wanted if self._wanted else 1.0

    def case(self, data: st.DataObject) -> None:
        oracle, before = self._emptied()
        first = 0
        for _ in range(data.draw(st.integers(1, 3), label="commits")):
            commits = made.commits(self.shape)
            changes = data.draw(commits if oracle.head() else commits.filter(bool), label="changes")
            self._written |= {(change.state.tenant, change.state.document_id) for change in changes}
            number = self.store.commit(changes)
            assert number - before == oracle.commit(changes), f"commit {number} follows on another one"
            if isinstance(self.store, CollectingStore) and data.draw(st.integers(0, 5), label="compact") == 0:
                self.store.compact()
                # Whether anything was collected hangs on earlier cases, and what is drawn must not.
                first = oracle.head()
            for _ in range(2):
                self._compare(oracle, before, data, first)
        self._compare_manifest(oracle)

    def _emptied(self) -> tuple[OracleStore, int]:
        """A new oracle beside the store without its documents, and the store's commit."""
        if self._written:
            self.store.commit([remove(name, tenant=tenant) for tenant, name in sorted(self._written)])
            self._written = set()
        return OracleStore(spec_for(self.shape)), self.store.head()

    def _compare(self, oracle: OracleStore, before: int, data: st.DataObject, first: int) -> None:
        theirs = data.draw(readers(self.shape, first, oracle.head()), label="scope")
        ours = theirs if theirs.commit is None else replace(theirs, commit=theirs.commit + before)
        k = data.draw(st.sampled_from([1, 2, 3, 5, 100]), label="k")
        vectors = np.stack(data.draw(st.lists(made.VECTORS, min_size=1, max_size=3), label="vectors"))
        self._compare_dense(oracle, vectors, k, ours, theirs)
        if isinstance(self.store, SparseIndex):
            terms = data.draw(st.lists(made.TERMS, max_size=3), label="terms")
            self._compare_sparse(oracle, terms, k, ours, theirs)
        ids = oracle.ids()
        assert list(self.store.fetch(ids, ours)) == oracle.fetch(ids, theirs), "other chunks by id"
        assert np.array_equal(self.store.vectors(ids, ours), oracle.vectors(ids, theirs)), "other vectors"

    def _compare_dense(
        self, oracle: OracleStore, vectors: Vectors, k: int, ours: Scope, theirs: Scope
    ) -> None:
        found, wanted = self.store.search(vectors, k, ours), oracle.search(vectors, _ALL, theirs)
        for mine, its in zip(found, wanted, strict=True):
            check_batch(mine, its, k, is_exact=self.is_exact)
            self._wanted += min(k, len(its))
            self._found += len(set(mine.id_list()) & set(its.id_list()[:k]))

    def _compare_sparse(
        self, oracle: OracleStore, terms: Sequence[Sequence[str]], k: int, ours: Scope, theirs: Scope
    ) -> None:
        assert isinstance(self.store, SparseIndex)
        found, wanted = self.store.search_terms(terms, k, ours), oracle.search_terms(terms, _ALL, theirs)
        for mine, its in zip(found, wanted, strict=True):
            check_batch(mine, its, k)

    def _compare_manifest(self, oracle: OracleStore) -> None:
        assert self.store.counts() == oracle.counts(), f"{self.store.counts()}, expected {oracle.counts()}"
        if isinstance(self.store, Manifest):
            assert list(self.store.states()) == oracle.states(), "other states of documents"
            for state in oracle.states():
                key = (state.tenant, state.document_id)
                assert self.store.source(*key) == oracle.source(*key), f"another text of {key}"


def _test_of(bench: _Bench, cases: int, number: int) -> Callable[[], None]:
    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        bench.case(data)
        bench.n_cases += 1
        bench.on_case(bench.n_cases)

    return run


def _told(error: Exception) -> str:
    """The error, the line that raised it, and the case as Hypothesis tells it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [frame.name for frame in frames if frame.name.startswith("_compare")]
    lines = [f"{type(error).__name__}: {error}", *(f"in {name}" for name in where[-1:])]
    return "\n".join([*lines, *getattr(error, "__notes__", [])])


def _silent(done: int) -> None:
    """Progress that nobody looks at."""
