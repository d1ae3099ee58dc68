"""Every measure gives what trec_eval gives, over ties, unjudged documents, missing and extra queries."""

from __future__ import annotations

import random
from typing import Any

import pytrec_eval
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.measure import measure
from ragkit.evaluation.metrics.resolve import resolve_metrics
from ragkit.evaluation.outcome import Found as FoundPlaces
from ragkit.evaluation.outcome import Outcome, Place
from ragkit.evaluation.run import Run, scores_of_order
from ragkit.evaluation.scores import score
from ragkit.evaluation.texts import HeldTexts
from ragkit.evaluation.trec import read_run, write_run
from tests.scale import scaled

SEED = 7
N_RUNS = scaled(5_000, part=5)
TOLERANCE = 1e-9
# Our name, and what trec_eval calls it.
NAMES = {
    "nDCG": "ndcg",
    "nDCG@1": "ndcg_cut_1",
    "nDCG@3": "ndcg_cut_3",
    "nDCG@10": "ndcg_cut_10",
    "P@1": "P_1",
    "P@5": "P_5",
    "P@30": "P_30",
    "R@2": "recall_2",
    "R@5": "recall_5",
    "R@100": "recall_100",
    "AP": "map",
    "AP@3": "map_cut_3",
    "AP@10": "map_cut_10",
    "RR": "recip_rank",
    "Success@1": "success_1",
    "Success@5": "success_5",
}
MEASURES = {
    "ndcg", "ndcg_cut.1,3,10", "P.1,5,30", "recall.2,5,100", "map", "map_cut.3,10", "recip_rank",
    "success.1,5",
}  # fmt: skip
DOCUMENTS = [*(f"d{n}" for n in range(14)), "D1", "é", "я", "日", "d-", "🙂"]
# Few distinct values, some apart by less than 32 bits tell: ties are the rule.
SCORES = [0.0, 0.1, 0.5, 1.0, 1.0 + 1e-10, 1.0 + 1e-6, -3.0, 1e30, 5e-50]
QUERIES = ["q1", "q2", "q3", "q4"]

Table = dict[str, dict[str, Any]]

rankings = st.dictionaries(st.sampled_from(DOCUMENTS), st.sampled_from(SCORES), max_size=len(DOCUMENTS))
# Not below 0: pytrec_eval 0.5.11 then does not always come back.
judgements = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1)


def agree(run: Table, qrels: Table, level: int = 1) -> None:
    ours = score(Run("r", scores=run), qrels, [leveled(name, level) for name in NAMES])
    oracle = pytrec_eval.RelevanceEvaluator(qrels, MEASURES, relevance_level=level)
    theirs = oracle.evaluate({query: ranking for query, ranking in run.items() if ranking})
    for name, trec_name in NAMES.items():
        values = ours.of(leveled(name, level))
        assert values.keys() == qrels.keys()
        for query, value in values.items():
            expected = theirs[query][trec_name] if query in theirs else 0.0
            assert abs(value - expected) <= TOLERANCE, (name, query, value, expected)


def leveled(name: str, level: int) -> str:
    kind, at, cutoff = name.partition("@")
    return name if level == 1 or kind == "nDCG" else f"{kind}(rel={level}){at}{cutoff}"


@seed(SEED)
@settings(max_examples=scaled(2_000, part=10), deadline=None)
@given(
    st.dictionaries(st.sampled_from(QUERIES), rankings),
    st.dictionaries(st.sampled_from(QUERIES[:3]), judgements, min_size=1),
    st.integers(1, 3),
)
def test_any_run_scores_as_in_trec_eval(run: Table, qrels: Table, level: int) -> None:
    # One query in common, or scoring is refused.
    run.setdefault(next(iter(qrels)), {})
    agree(run, qrels, level)


def test_long_runs_score_as_in_trec_eval() -> None:
    generator = random.Random(SEED)
    for _ in range(N_RUNS):
        pool = [f"d{n}" for n in range(generator.randint(5, 150))]
        qrels = {
            query: {d: generator.randint(0, 3) for d in generator.sample(pool, generator.randint(1, 5))}
            for query in QUERIES[:3]
        }
        run = {
            query: {d: round(generator.random(), generator.randint(0, 2)) for d in generator.sample(pool, 5)}
            for query in generator.sample(QUERIES, 2)
        }
        run[generator.choice(QUERIES[:3])] = {d: round(generator.random(), 1) for d in pool}
        agree(run, qrels)


@seed(SEED)
@settings(max_examples=scaled(1_000, part=10), deadline=None)
@given(st.dictionaries(st.sampled_from(QUERIES), rankings.filter(bool), min_size=1))
def test_a_run_comes_back_from_its_file(tmp_path_factory: Any, run: Table) -> None:
    path = tmp_path_factory.mktemp("run") / "run.txt"
    write_run(Run("mine", scores=run), path)
    assert read_run(path) == Run("mine", scores=run)


def test_outcomes_of_a_pipeline_score_as_in_trec_eval() -> None:
    """A document counts where its first passage stands."""
    generator, texts = random.Random(SEED), HeldTexts({})
    metrics = resolve_metrics(list(NAMES))
    for n in range(scaled(1_000, part=10)):
        found = [generator.choice(DOCUMENTS) for _ in range(generator.randint(0, 40))]
        judged = {d: generator.randint(0, 3) for d in generator.sample(DOCUMENTS, generator.randint(1, 12))}
        places = tuple(Place(str(i), document, spans=(), score=0.5) for i, document in enumerate(found))
        outcome = Outcome("q", found=(FoundPlaces("fuse", "fuse/rrf", kind="ranking", places=places),))
        case = Case(Question("q", "Why?"), judged=judged, outcome=outcome, texts=texts)
        values = measure([case], {}, metrics).values
        ranked = {"q": scores_of_order(outcome.ranked)}
        theirs = pytrec_eval.RelevanceEvaluator({"q": judged}, MEASURES).evaluate(ranked) if found else {}
        for name, trec_name in NAMES.items():
            expected = theirs["q"][trec_name] if found else 0.0
            assert abs(values[name]["q"] - expected) <= TOLERANCE, (n, name, found, judged)
