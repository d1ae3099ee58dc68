"""Fusion against sums worked out by hand, and the rules that every fusion must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.errors import ConfigError
from ragkit.retrieve.fuse import RrfFuse, WeightedFuse, combine
from ragkit.types import ArmRanking, Chunk, Query, QueryPlan, Rankings
from tests.unit.making import arm, chunk, run_context
from tests.unit.stand_ins import Wordless


class Holding(Wordless):
    """A collection that has every chunk that is asked for."""

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        return [chunk(id_[0], id_) for id_ in ids]


def keys(batch: HitBatch) -> str:
    return "".join(i[0] for i in batch.id_list())


def test_rrf_adds_reciprocal_ranks() -> None:
    fused = RrfFuse().fuse([arm("dense", ("a", 0.9), ("b", 0.8)), arm("bm25", ("b", 7.0))], [1.0, 1.0])
    assert keys(fused) == "ba"
    assert fused.scores.tolist() == pytest.approx([1 / 62 + 1 / 61, 1 / 61])


def test_rrf_weights_an_arm() -> None:
    fused = RrfFuse(constant=0).fuse([arm("dense", ("a", 1.0)), arm("bm25", ("b", 1.0))], [0.5, 2.0])
    assert list(zip(keys(fused), fused.scores.tolist(), strict=True)) == [("b", 2.0), ("a", 0.5)]


def test_ceiling_divides_by_what_a_perfect_match_would_score() -> None:
    bm25 = arm("bm25", ("a", 6.0), ("b", 3.0))
    bm25 = replace(bm25, hits=HitBatch(bm25.hits.ids, bm25.hits.scores, 12.0))
    dense = arm("dense", ("b", 0.8), ("c", 0.4), floor=0.4)
    fused = WeightedFuse().fuse([dense, bm25], [0.5, 0.5])
    assert keys(fused) == "bac"
    # b: 0.5·0.8 + 0.5·3/12, a: 0.5·floor 0.4 + 0.5·6/12, c: 0.5·0.4 + 0.5·0
    assert fused.scores.tolist() == pytest.approx([0.525, 0.45, 0.2])


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [
        ("minmax", {"a": 1.0, "b": 0.5, "c": 0.0}),
        ("zscore", {"a": 1.2247449, "b": 0.0, "c": -1.2247449}),
        ("dbsf", {"a": 0.5 + 1.2247449 / 6, "b": 0.5, "c": 0.5 - 1.2247449 / 6}),
    ],
)
def test_normalizations_by_hand(normalize: str, expected: dict[str, float]) -> None:
    fused = WeightedFuse(normalize=normalize).fuse([arm("x", ("a", 3.0), ("b", 2.0), ("c", 1.0))], [1.0])
    assert dict(zip(keys(fused), fused.scores.tolist(), strict=True)) == pytest.approx(expected)


@pytest.mark.parametrize("normalize", ["minmax", "zscore", "dbsf", "ceiling"])
def test_equal_scores_stay_equal(normalize: str) -> None:
    fused = WeightedFuse(normalize=normalize).fuse([arm("x", ("b", 2.0), ("a", 2.0))], [1.0])
    assert keys(fused) == "ab"
    assert fused.scores[0] == fused.scores[1]
    assert np.isfinite(fused.scores).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("normalize", ["ceiling", "minmax", "zscore", "dbsf", None])
def test_a_score_that_is_no_number_counts_for_nothing(normalize: str | None, bad: float) -> None:
    fusion = RrfFuse() if normalize is None else WeightedFuse(normalize=normalize)
    fusion.collection = Holding()
    plan = QueryPlan.of("?")
    words = arm("bm25", ("b", 0.9), ("c", 0.5))
    good = arm("dense", ("b", 0.8), ("c", 0.6), floor=0.6)
    spoilt = replace(arm("dense", ("a", bad), ("b", 0.8), ("c", 0.6)), floor=bad)
    ours, theirs = (fusion.run(Rankings(plan, (one, words)), run_context()).hits for one in (spoilt, good))
    assert ours == theirs


def test_ties_break_by_id() -> None:
    fused = RrfFuse().fuse([arm("dense", ("b", 1.0)), arm("bm25", ("a", 1.0))], [1.0, 1.0])
    assert keys(fused) == "ab"


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -0.1, 1e300])
@pytest.mark.parametrize("fusion", [RrfFuse, WeightedFuse])
def test_a_weight_that_spoils_scores_is_refused(fusion: type[RrfFuse | WeightedFuse], weight: float) -> None:
    with pytest.raises(ConfigError, match=r"weights\.dense"):
        fusion(weights={"dense": weight})


def test_no_arms_give_no_hits() -> None:
    assert len(RrfFuse().fuse([], [])) == 0
    assert len(WeightedFuse().fuse([arm("dense")], [1.0])) == 0


ARMS = st.lists(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-5, 50, width=32), max_size=8), max_size=4
)


@given(ARMS, st.sampled_from(["ceiling", "minmax", "zscore", "dbsf"]))
def test_every_id_comes_once_and_in_order(found: list[dict[str, float]], normalize: str) -> None:
    arms: list[ArmRanking] = [arm("x", *pairs.items()) for pairs in found]
    fused = WeightedFuse(normalize=normalize).fuse(arms, [1.0] * len(arms))
    assert sorted(keys(fused)) == sorted({key for pairs in found for key in pairs})
    order = [(-score, i) for i, score in zip(fused.id_list(), fused.scores.tolist(), strict=True)]
    assert order == sorted(order)
    assert np.isfinite(fused.scores).all()


@given(ARMS)
def test_combine_agrees_with_a_dictionary(found: list[dict[str, float]]) -> None:
    arms = [arm("x", *pairs.items()) for pairs in found]
    absent = [0.25 * n for n in range(len(arms))]
    fused = combine([a.hits for a in arms], [a.hits.scores for a in arms], absent)
    expected = {
        key: sum(pairs.get(key, missing) for pairs, missing in zip(found, absent, strict=True))
        for key in {key for pairs in found for key in pairs}
    }
    assert dict(zip(keys(fused), fused.scores.tolist(), strict=True)) == pytest.approx(expected, abs=1e-4)


def test_queries_count_with_their_part_of_the_whole() -> None:
    first, second = Query("q", "?", weight=1.0), Query("more", "!", weight=3.0)
    arms = (
        replace(arm("bm25", ("a", 1.0)), query=first),
        replace(arm("bm25", ("b", 1.0)), query=second),
    )
    fusion = RrfFuse(constant=0)
    fusion.collection = Holding()
    ranking = fusion.run(Rankings(QueryPlan.of("?"), arms), run_context())
    assert [(hit.chunk.id[0], hit.score) for hit in ranking.hits] == [("b", 0.75), ("a", 0.25)]


def fused_keys(fusion: RrfFuse | WeightedFuse, *arms: ArmRanking) -> str:
    fusion.collection = Holding()
    return "".join(
        hit.chunk.id[0] for hit in fusion.run(Rankings(QueryPlan.of("?"), arms), run_context()).hits
    )


@pytest.mark.parametrize(
    "fusion", [RrfFuse(), WeightedFuse(normalize="minmax"), WeightedFuse(normalize="dbsf")]
)
def test_a_doubtful_arm_only_follows_where_ranks_decide(fusion: RrfFuse | WeightedFuse) -> None:
    words = arm("bm25", ("a", 3.0), ("b", 2.0), ("c", 1.0))
    doubtful = arm("dense", ("d", 0.9), ("c", 0.8), ("b", 0.1), trust=0.33)
    assert fused_keys(fusion, doubtful, words).startswith("ab")


def test_a_doubtful_arm_weighs_by_its_trust_where_scores_decide() -> None:
    words = replace(
        arm("bm25"),
        hits=HitBatch(arm("bm25", ("a", 3.0), ("b", 2.9)).hits.ids, np.array([3.0, 2.9], np.float32), 10.0),
    )
    doubtful = arm("dense", ("b", 0.8), ("a", 0.2), trust=0.5)
    assert fused_keys(WeightedFuse(), doubtful, words) == "ba"


@pytest.mark.parametrize("fusion", [RrfFuse, WeightedFuse])
def test_what_no_arm_trusts_more_counts_in_full(fusion: type[RrfFuse | WeightedFuse]) -> None:
    def scores(trust: float) -> list[float]:
        stage = fusion()
        stage.collection = Holding()
        arms = (arm("dense", ("a", 0.9), ("b", 0.4), trust=trust),)
        return [hit.score for hit in stage.run(Rankings(QueryPlan.of("?"), arms), run_context()).hits]

    assert scores(0.33) == scores(1.0) == scores(0.0)


def test_an_arm_without_trust_is_left_out_beside_another() -> None:
    words, blind = arm("bm25", ("a", 3.0)), arm("dense", ("b", 0.9), trust=0.0)
    assert fused_keys(WeightedFuse(), blind, words) == "a"
    assert fused_keys(RrfFuse(), blind, words) == "a"


@pytest.mark.parametrize(
    ("weights", "told"),
    [({"bm25": 1.0}, None), ({"words": 2.0, "bm25": 1.0, "dens": 1.0}, ["dens", "words"])],
)
def test_a_weight_of_no_retriever_is_told(weights: dict[str, float], told: list[str] | None) -> None:
    fusion, ctx = WeightedFuse(weights=weights), run_context()
    fusion.collection = Holding()
    fusion.run(Rankings(QueryPlan.of("?"), (arm("bm25", ("a", 3.0)),)), ctx)
    assert ctx.trace.facts.get("weights_of_nobody") == told


def test_the_default_weights_say_nothing_of_a_retriever_that_is_not_there() -> None:
    fusion, ctx = WeightedFuse(), run_context()
    fusion.collection = Holding()
    fusion.run(Rankings(QueryPlan.of("?"), (arm("bm25", ("a", 3.0)),)), ctx)
    assert "weights_of_nobody" not in ctx.trace.facts
