"""Does the support score agree with people? Against a lexical baseline, on four sets with human labels.

    python evals/citation_labels.py DATA       the folder of begin-wow-dev, wice-dev, climate-fever, scifact

A claim and its passage are judged as `verify/citations` judges a sentence of an answer that points to one
passage: supported where the support reaches a threshold and no fact is found otherwise. The two thresholds
(support here, share of words in the baseline) are the ones with the best balanced accuracy on `begin-wow-dev`
and on the even half of `wice-dev`, each set weighing the same; the other half, `climate-fever` and `scifact`
were not fitted to. The baseline is the measure `citation.support`: every number and a share of the words.
Intervals are percentile bootstraps over claims, 95 %.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ragkit
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.text.analyze import Analyzer
from ragkit.types import Answer, Chunk, Context, Hit, Passage, QueryPlan, Span
from ragkit.verify.citations import MIN_SUPPORT, VerifyCitations
from ragkit.verify.facts import problems
from ragkit.verify.numbers import numbers
from ragkit.verify.passages import Passages
from ragkit.verify.support import Candidate


@dataclass(frozen=True)
class Pair:
    """A claim, a passage, and whether people found that the passage supports it."""

    claim: str
    passage: str
    is_supported: bool
    group: str


@dataclass(frozen=True)
class Judged:
    """What was made of a pair: support, whether a fact is otherwise, and the baseline's share of words."""

    pair: Pair
    support: float
    has_problem: bool
    share: float
    has_numbers: bool


def main() -> None:
    """Prints balanced accuracies with intervals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=600, help="of a set, at most")
    args = parser.parse_args()
    sets = {
        "begin-wow-dev (fit)": sample(begin(args.data), args.pairs),
        "wice-dev, even (fit)": [p for i, p in enumerate(wice(args.data)) if i % 2 == 0],
        "wice-dev, odd": [p for i, p in enumerate(wice(args.data)) if i % 2],
        "climate-fever": sample(climate(args.data), args.pairs),
        "scifact, rationales": sample(scifact(args.data), args.pairs),
    }
    verify = VerifyCitations()
    graph = Bm25Retrieve() >> WeightedFuse() >> nothing() >> verify
    with tempfile.TemporaryDirectory() as folder, ragkit.open(f"{folder}/i", graph=graph) as rag:
        rag.ingest([ragkit.Document("a", "Some words to weigh by.")], progress=False)
        rag.ask("Some words?")
        judged = {name: [judge(pair, verify) for pair in pairs] for name, pairs in sets.items()}
    fit = [rows for name, rows in judged.items() if "fit" in name]
    ours = best(fit, lambda row, t: row.support >= t and not row.has_problem)
    words_alone = best(fit, lambda row, t: row.support >= t)
    theirs = best(fit, lambda row, t: row.share >= t and row.has_numbers)
    default = MIN_SUPPORT
    print(f"fitted: support {ours:.2f} (alone {words_alone:.2f}), baseline's share of words {theirs:.2f}")
    for name, rows in judged.items():
        n = sum(row.pair.is_supported for row in rows)
        print(f"{name}: {n} supported, {len(rows) - n} not")
        for label, said in (
            ("support and facts", [r.support >= ours and not r.has_problem for r in rows]),
            (f"  as configured ({default})", [r.support >= default and not r.has_problem for r in rows]),
            ("  support alone", [r.support >= words_alone for r in rows]),
            ("  no fact otherwise", [not r.has_problem for r in rows]),
            ("baseline", [r.share >= theirs and r.has_numbers for r in rows]),
        ):
            print(f"  {label:<24} {interval(rows, said)}")


@ragkit.stage("generate/nothing")
def nothing(context: Context) -> Answer:
    """No answer."""
    return Answer(context.plan, text="", context=context, abstained=True)


def judge(pair: Pair, verify: VerifyCitations) -> Judged:
    """The verdicts on a pair."""
    text = pair.passage
    chunk = Chunk("a" * 32, "a", span=Span(0, len(text)), text=text, ordinal=0, lang="en")
    context = Context(QueryPlan.of("-"), (Passage(Hit(chunk, 1.0), (chunk.span,)),))
    passages = Passages(context, verify.collection)
    (found,) = passages.evidence(pair.claim, [1])
    candidate = Candidate("\n".join(found.sentences), coverage=found.coverage)
    support = verify.model.score(pair.claim, [candidate])[0] if found.spans else 0.0
    asked, stated = (set(_ANALYZER.terms(t)) for t in (pair.claim, text))
    return Judged(
        pair,
        support,
        bool(problems(pair.claim, passages.material([found]))),
        len(asked & stated) / max(1, len(asked)),
        numbers(pair.claim) <= numbers(text),
    )


_ANALYZER = Analyzer()


def best(sets: list[list[Judged]], rule) -> float:  # type: ignore[no-untyped-def]
    """The threshold with the best balanced accuracy, each set weighing the same."""
    thresholds = np.round(np.arange(0.05, 1.0, 0.01), 2)
    accuracy = [np.mean([balanced(rows, [rule(r, t) for r in rows]) for rows in sets]) for t in thresholds]
    return float(thresholds[int(np.argmax(accuracy))])


def balanced(rows: list[Judged], said: list[bool]) -> float:
    """The mean of the shares right among the supported and among the others."""
    truth = np.array([row.pair.is_supported for row in rows])
    verdict = np.array(said)
    return float((verdict[truth].mean() + (~verdict[~truth]).mean()) / 2)


def interval(rows: list[Judged], said: list[bool]) -> str:
    """Balanced accuracy with its interval, and the two shares it is the mean of."""
    rng = np.random.default_rng(0)
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.pair.group, []).append(i)
    listed = list(groups.values())
    values = []
    for _ in range(1000):
        picked = [i for g in rng.integers(0, len(listed), len(listed)) for i in listed[g]]
        values.append(balanced([rows[i] for i in picked], [said[i] for i in picked]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    truth = np.array([row.pair.is_supported for row in rows])
    taken, refused = np.array(said)[truth].mean(), 1 - np.array(said)[~truth].mean()
    return (
        f"{balanced(rows, said):.3f} [{low:.3f}, {high:.3f}]  "
        f"supported taken {taken:.2f}, unsupported refused {refused:.2f}"
    )


def sample(pairs: Iterator[Pair], most: int) -> list[Pair]:
    """At most so many of the pairs, by chance."""
    listed = list(pairs)
    order = np.random.default_rng(0).permutation(len(listed))[:most]
    return [listed[i] for i in sorted(order.tolist())]


def rows_of(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    """The rows of a file of JSON lines."""
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)


def begin(data: Path) -> Iterator[Pair]:
    """Replies of models, each with the sentence of knowledge they were given."""
    for row in rows_of(data / "begin-wow-dev/pairs.jsonl"):
        yield Pair(row["response"], row["knowledge"], row["label"] == "Fully attributable", row["id"])


def wice(data: Path) -> Iterator[Pair]:
    """Claims of Wikipedia with the web page they cite; partly supported counts as not supported."""
    pages = {row["_id"]: row["text"] for row in rows_of(data / "wice-dev/corpus.jsonl")}
    for row in rows_of(data / "wice-dev/queries.jsonl"):
        about = row["metadata"]
        yield Pair(row["text"], pages[about["doc_id"]], about["label"] == "supported", row["_id"])


def climate(data: Path) -> Iterator[Pair]:
    """Claims on the climate, each with a sentence of Wikipedia; refuted and not enough count as not."""
    texts = {row["_id"]: row["text"] for row in rows_of(data / "climate-fever/corpus.jsonl")}
    claims = {row["_id"]: row["text"] for row in rows_of(data / "climate-fever/queries.jsonl")}
    for row in rows_of(data / "climate-fever/pairs.jsonl"):
        supports = row["label"] == "SUPPORTS"
        yield Pair(claims[row["query_id"]], texts[row["corpus_id"]], supports, row["query_id"])


def scifact(data: Path) -> Iterator[Pair]:
    """Scientific claims with the sentences people marked: they support or contradict it."""
    texts = {row["_id"]: row for row in rows_of(data / "scifact/corpus.jsonl")}
    for row in rows_of(data / "scifact/queries.jsonl"):
        for evidence in row["metadata"].get("evidence", []):
            text = texts[evidence["corpus_id"]]["text"]
            full = f"{texts[evidence['corpus_id']].get('title', '')} {text}"
            quotes = [full[a:b] if full[a:b] else "" for a, b in evidence["spans"]]
            passage = "\n".join(text[a:b] for a, b in evidence["spans"]) or "\n".join(quotes)
            yield Pair(row["text"], passage, evidence["label"] == "SUPPORT", row["_id"])


if __name__ == "__main__":
    main()
