from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.arrays import near_top
from ragkit.errors import ConfigError, CorruptIndexError
from ragkit.protocols import RowScores
from ragkit.store.bm25 import search
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.postings import MAX_MERGED, Postings, merge, n_to_merge
from ragkit.store.bm25.search import Bm25Ranker
from ragkit.store.files import write_new

Mask = NDArray[np.bool_]


def zipf_texts(n: int, seed: int, vocabulary: int = 400) -> list[list[str]]:
    """Texts whose words are as unevenly frequent as those of a language."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, vocabulary + 1)
    words = rng.choice(vocabulary, size=(n, 25), p=weights / weights.sum())
    lengths = rng.integers(0, 25, size=n)
    return [[f"w{w}" for w in row[:length]] for row, length in zip(words, lengths, strict=True)]


def plain_scores(
    texts: Sequence[Sequence[str]], query: Sequence[str], live: Mask, bm25: Bm25
) -> dict[int, float]:
    """Lucene's formula, one chunk after the other."""
    rows = [int(r) for r in np.flatnonzero(live)]
    average = sum(len(texts[r]) for r in rows) / max(len(rows), 1)
    scores = {}
    df = Counter(term for r in rows for term in set(texts[r]))
    for r in rows:
        counts = Counter(texts[r])
        if not any(counts[t] for t in query):
            continue
        norm = bm25.k1 * (1 - bm25.b + bm25.b * len(texts[r]) / average)
        scores[r] = sum(
            math.log(1 + (len(rows) - df[t] + 0.5) / (df[t] + 0.5)) * counts[t] / (counts[t] + norm)
            for t in query
            if counts[t]
        )
    return scores


def check_top(found: RowScores, scores: dict[int, float], k: int) -> None:
    """What was found holds the k best with their scores, and no row twice."""
    best = near_top(found.scores, k)
    ours = dict(zip(found.rows[best].tolist(), found.scores[best].tolist(), strict=True))
    assert len(set(found.rows.tolist())) == len(found.rows)
    wanted = sorted(scores.values(), reverse=True)[:k]
    np.testing.assert_allclose(sorted(ours.values(), reverse=True)[:k], wanted, rtol=1e-6)
    for row, score in ours.items():
        assert score == pytest.approx(scores[row], rel=1e-6)


def test_worked_example() -> None:
    bm25 = Bm25(k1=1.2, b=0.75)
    ranker = Bm25Ranker(bm25, [Postings.of([["a", "a", "b"], ["b"], ["c", "c"]], first_row=0)], None)
    found = ranker.search(["a"], 3, None)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    assert found.rows.tolist() == [0]
    assert found.scores[0] == pytest.approx(idf * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)), rel=1e-6)
    assert found.ceiling == pytest.approx(idf)


@pytest.mark.parametrize(("k1", "b"), [(-1, 0.4), (math.inf, 0.4), (0.9, 1.1), (0.9, -0.1), (math.nan, 0.4)])
def test_parameters_out_of_range_are_refused(k1: float, b: float) -> None:
    with pytest.raises(ConfigError, match="expected k1 >= 0 and b between 0 and 1"):
        Bm25(k1, b=b)


@pytest.fixture(scope="module")
def texts() -> list[list[str]]:
    return zipf_texts(12_000, seed=3)


@pytest.fixture(scope="module")
def rankers(texts: list[list[str]]) -> dict[str, tuple[Bm25Ranker, Mask]]:
    """Rankers over enough rows for the pruning path: nothing hidden, much hidden, two populations."""
    half = len(texts) // 2
    segments = [Postings.of(texts[:half], first_row=0), Postings.of(texts[half:], first_row=half)]
    rng = np.random.default_rng(4)
    masks = {"all": np.ones(len(texts), dtype=bool), "most": rng.random(len(texts)) < 0.9,
             "few": rng.random(len(texts)) < 0.01, "none": np.zeros(len(texts), dtype=bool)}  # fmt: skip
    return {name: (Bm25Ranker(Bm25(), segments, mask), mask) for name, mask in masks.items()}


@pytest.mark.parametrize("population", ["all", "most", "few", "none"])
@pytest.mark.parametrize("share", [None, 0.5, 0.01])
def test_the_best_rows_are_lucenes(
    texts: list[list[str]],
    rankers: dict[str, tuple[Bm25Ranker, Mask]],
    population: str,
    share: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_WORTH_PRUNING", 64)
    ranker, live = rankers[population]
    rng = np.random.default_rng(6)
    allowed = None if share is None else rng.random(len(texts)) < share
    for n_terms in (1, 2, 5, 12):
        # Rare and frequent words together: that is where pruning sets in.
        query = [f"w{w}" for w in (*rng.integers(20, 420, size=n_terms), *rng.integers(0, 6, size=n_terms))]
        scores = plain_scores(texts, query, live, Bm25())
        if allowed is not None:
            scores = {row: score for row, score in scores.items() if allowed[row]}
        for k in (1, 10, 300):
            check_top(ranker.search(query, k, allowed), scores, k)


def test_pruning_happens_in_these_tests(
    rankers: dict[str, tuple[Bm25Ranker, Mask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_WORTH_PRUNING", 64)
    found = rankers["all"][0].search(["w300", "w301", "w302", "w0"], 5, None)
    everything = rankers["all"][0].search(["w0"], 5, None)
    assert len(found.rows) < len(everything.rows)


def test_accumulators_are_clean_after_use(rankers: dict[str, tuple[Bm25Ranker, Mask]]) -> None:
    for query in (["w0", "w1"], ["w300", "w0", "w1", "w2"], ["w399"]):
        rankers["all"][0].search(query, 3, None)
    assert all(not total.any() for total in search._pool)


WORDS = st.lists(st.lists(st.sampled_from(["a", "b", "ж", "é", ""]), max_size=6), max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_merging_segments_is_indexing_all_at_once(parts: list[list[list[str]]]) -> None:
    segments, first = [], 0
    for part in parts:
        segments.append(Postings.of(part, first_row=first))
        first += len(part)
    merged, whole = merge(segments), Postings.of([text for part in parts for text in part], first_row=0)
    assert merged.parts() == whole.parts()


@settings(max_examples=30)
@given(WORDS)
def test_a_file_gives_back_the_index(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("postings") / "x.postings"
    index = Postings.of(texts, first_row=7)
    write_new(path, index.parts())
    opened = Postings.open(path)
    assert opened.parts() == index.parts()
    assert [term for term, _ in opened.items()] == [term for term, _ in index.items()]


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.postings"
    write_new(path, Postings.of([["a", "b"], ["b"]], first_row=0).parts())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CorruptIndexError, match="not a postings file"):
        Postings.open(path)


def test_sizes_halve_so_that_segments_stay_few() -> None:
    sizes: list[int] = []
    for _ in range(1000):
        taken = n_to_merge(sizes, 10)
        size = 10 + sum(sizes[len(sizes) - taken :])
        sizes = [*sizes[: len(sizes) - taken], size]
        assert len(sizes) <= 11
        assert all(a >= 2 * b for a, b in itertools.pairwise(sizes))


def test_a_merge_never_grows_beyond_its_bound() -> None:
    half = MAX_MERGED // 2
    assert n_to_merge([half], half) == 1
    assert n_to_merge([half + 1], half) == 0
    assert n_to_merge([MAX_MERGED, half, half // 2], half // 3) == 2
