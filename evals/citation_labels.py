"""Does the support score agree with people? Against a lexical baseline, on five sets with human labels.

    python evals/citation_labels.py DATA       the folder of begin-wow-dev, wice-dev, climate-fever, scifact

A claim and its passage are judged as `verify/citations` judges a sentence of an answer that points to one
passage: supported where the support reaches a threshold and no fact is found otherwise. The thresholds
(support here, share of words in the baseline) are those with the best balanced accuracy on the even half of
`begin-wow-dev` and on the training claims of `scifact`, both weighing the same. Reported are the odd half of
`begin-wow-dev`, the test claims of `scifact`, and `wice-dev` (claims, and the words of claims that people
found unsupported) and `climate-fever`, of which nothing was fitted or looked at. The baseline is the measure
`citation.support`: every number and a share of the words; for words, whether the page has the word.
Intervals are percentile bootstraps over claims, 95 %.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from citation_rig import rig
from numpy.typing import NDArray

import ragkit
from ragkit.text.analyze import Analyzer
from ragkit.text.sentences import sentence_spans
from ragkit.types import Chunk, Context, Hit, Passage, QueryPlan, Span
from ragkit.verify.citations import MIN_SUPPORT, VerifyCitations
from ragkit.verify.facts import problems
from ragkit.verify.numbers import numbers
from ragkit.verify.passages import Passages
from ragkit.verify.same import same_quantities, shared_terms
from ragkit.verify.support import Candidate

Bools = NDArray[np.bool_]
_SHORT = 2000


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
    parser.add_argument("--index", type=int, default=600, help="texts that rarity is counted in")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of verify/citations"
    )
    args = parser.parse_args()
    n = args.pairs
    sets = {
        "begin-wow-dev, even (fit)": [p for i, p in enumerate(begin(args.data)) if i % 2 == 0][:n],
        "scifact, train (fit)": sample(scifact(args.data, "train"), n),
        "begin-wow-dev, odd": [p for i, p in enumerate(begin(args.data)) if i % 2][:n],
        "scifact, test": sample(scifact(args.data, "test"), n),
        "wice-dev": sample(wice(args.data), n),
        "climate-fever": sample(climate(args.data), n),
    }
    # Words weigh by their rarity in the texts that are judged, as in an index; web pages are left out.
    texts = dict.fromkeys(pair.passage for pairs in sets.values() for pair in pairs if pair.passage.strip())
    short = [text for text in texts if len(text) < _SHORT][: args.index]
    documents = [ragkit.Document(str(i), text) for i, text in enumerate(short)]
    settings = {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in args.set)}
    with rig(documents, settings) as rigged:
        judged = {name: [judge(pair, rigged.verify) for pair in pairs] for name, pairs in sets.items()}
        words = list(unsupported_words(args.data, rigged.verify))
    fit = [rows for name, rows in judged.items() if "fit" in name]
    ours = best(fit, lambda row, t: row.support >= t and not row.has_problem)
    alone = best(fit, lambda row, t: row.support >= t)
    theirs = best(fit, lambda row, t: row.share >= t and row.has_numbers)
    print(f"fitted: support {ours:.2f} (alone {alone:.2f}), baseline's share of words {theirs:.2f}")
    for name, rows in judged.items():
        truth, groups = truth_of(rows), [row.pair.group for row in rows]
        print(f"{name}: {truth.sum()} supported, {(~truth).sum()} not")
        for label, said in (
            ("support and facts", [r.support >= ours and not r.has_problem for r in rows]),
            (
                f"  as configured ({MIN_SUPPORT})",
                [r.support >= MIN_SUPPORT and not r.has_problem for r in rows],
            ),
            ("  support alone", [r.support >= alone for r in rows]),
            ("  no fact otherwise", [not r.has_problem for r in rows]),
            ("baseline", [r.share >= theirs and r.has_numbers for r in rows]),
        ):
            print(f"  {label:<24} {interval(truth, np.array(said), groups)}")
    truth, groups = np.array([w.is_supported for w in words]), [w.claim for w in words]
    print(f"wice-dev, words: {truth.sum()} supported, {(~truth).sum()} not")
    print(f"  {'words of the evidence':<24} {interval(truth, np.array([w.ours for w in words]), groups)}")
    print(f"  {'baseline':<24} {interval(truth, np.array([w.baseline for w in words]), groups)}")


def judge(pair: Pair, verify: VerifyCitations) -> Judged:
    """The verdicts on a pair."""
    text = pair.passage
    passages = passages_of(text, verify)
    # An answer is checked sentence by sentence; it is supported where each of them is.
    said = [span.of(pair.claim) for span in sentence_spans(pair.claim, "en")] or [pair.claim]
    each = [_judged(claim, passages, verify) for claim in said]
    asked, stated = (set(_ANALYZER.terms(t)) for t in (pair.claim, text))
    return Judged(
        pair,
        min(support for support, _ in each),
        any(has_problem for _, has_problem in each),
        len(asked & stated) / max(1, len(asked)),
        numbers(pair.claim) <= numbers(text),
    )


def _judged(claim: str, passages: Passages, verify: VerifyCitations) -> tuple[float, bool]:
    """The support of one sentence, and whether a fact is otherwise."""
    (found,) = passages.evidence(claim, [1])
    candidate = Candidate("\n".join(found.sentences), coverage=found.coverage, sentences=found.sentences)
    support = verify.model.score(claim, [candidate])[0] if found.spans else 0.0
    return support, bool(problems(claim, passages.material([found])))


_ANALYZER = Analyzer()


def best(sets: list[list[Judged]], rule) -> float:  # type: ignore[no-untyped-def]
    """The threshold with the best balanced accuracy, each set weighing the same."""
    thresholds = np.round(np.arange(0.05, 1.0, 0.01), 2)
    accuracy = [
        np.mean([balanced(truth_of(rows), np.array([rule(r, t) for r in rows])) for rows in sets])
        for t in thresholds
    ]
    return float(thresholds[int(np.argmax(accuracy))])


def truth_of(rows: list[Judged]) -> Bools:
    """What people said of each."""
    return np.array([row.pair.is_supported for row in rows])


def balanced(truth: Bools, said: Bools) -> float:
    """The mean of the shares right among the supported and among the others."""
    return float((said[truth].mean() + (~said[~truth]).mean()) / 2)


def interval(truth: Bools, said: Bools, groups: list[str]) -> str:
    """Balanced accuracy with its interval, and the two shares it is the mean of."""
    rng = np.random.default_rng(0)
    of_group: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        of_group.setdefault(group, []).append(i)
    listed = [np.array(rows) for rows in of_group.values()]
    values = []
    for _ in range(1000):
        picked = np.concatenate([listed[g] for g in rng.integers(0, len(listed), len(listed))])
        values.append(balanced(truth[picked], said[picked]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    taken, refused = said[truth].mean(), 1 - said[~truth].mean()
    return (
        f"{balanced(truth, said):.3f} [{low:.3f}, {high:.3f}]  "
        f"supported taken {taken:.2f}, unsupported refused {refused:.2f}"
    )


@dataclass(frozen=True)
class WordVerdict:
    """A word of a claim: whether people found it supported, and what we and the baseline say."""

    claim: str
    is_supported: bool
    ours: bool
    baseline: bool


def unsupported_words(data: Path, verify: VerifyCitations) -> Iterator[WordVerdict]:
    """The words with content of WiCE's partly supported claims."""
    pages = {row["_id"]: row["text"] for row in rows_of(data / "wice-dev/corpus.jsonl")}
    for row in rows_of(data / "wice-dev/non_supported_tokens.jsonl"):
        page = pages[row["doc_id"]]
        (found,) = passages_of(page, verify).evidence(row["subclaim"], [1])
        stated = frozenset(term for s in found.sentences for term in _ANALYZER.terms(s))
        same = {w for s in found.sentences for w in same_quantities(row["subclaim"], s)}
        everywhere = set(_ANALYZER.terms(page))
        for token, is_flagged in zip(row["tokens"], row["non_supported"], strict=True):
            terms = _ANALYZER.terms(token)
            if terms and re.search(r"\w{3}|\d", token):
                ours = bool(shared_terms(terms, stated)) or bool(same & set(terms))
                yield WordVerdict(row["id"], not is_flagged, ours, bool(set(terms) & everywhere))


def passages_of(text: str, verify: VerifyCitations) -> Passages:
    """A text as the only passage of a context."""
    chunk = Chunk("a" * 32, "a", span=Span(0, len(text)), text=text, ordinal=0, lang="en")
    context = Context(QueryPlan.of("-"), (Passage(Hit(chunk, 1.0), (chunk.span,)),))
    return Passages(context, verify.collection)


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


def scifact(data: Path, split: str) -> Iterator[Pair]:
    """Scientific claims with the sentences people marked: they support or contradict it."""
    texts = {row["_id"]: row for row in rows_of(data / "scifact/corpus.jsonl")}
    for row in rows_of(data / "scifact/queries.jsonl"):
        for evidence in row["metadata"].get("evidence", []) if row["metadata"]["split"] == split else ():
            text = texts[evidence["corpus_id"]]["text"]
            full = f"{texts[evidence['corpus_id']].get('title', '')} {text}"
            quotes = [full[a:b] if full[a:b] else "" for a, b in evidence["spans"]]
            passage = "\n".join(text[a:b] for a, b in evidence["spans"]) or "\n".join(quotes)
            yield Pair(row["text"], passage, evidence["label"] == "SUPPORT", row["_id"])


if __name__ == "__main__":
    main()
