"""How sure is the extractive answer, and is it right to be? Fits `odds.json` and reports on other articles.

    python evals/answer_odds.py FOLDER_OF_DATASETS            measures what is shipped
    python evals/answer_odds.py FOLDER_OF_DATASETS --fit      fits it anew first, and writes the file

Questions of SQuAD 2.0 (English) and XQuAD (Russian) are asked over their whole collection (`in`), with the
paragraph that answers taken out of what was found (`near`), and with its whole article filtered out (`out`);
`trap` are SQuAD's own questions without an answer, made to look like the others, on which nothing is
fitted. Articles, in alphabetical order of all, go to the fit and to the report in turn, so that no article
is in both, in either language. Answerable questions weigh as much as `near` and `out` together.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit.compress.extractive import ExtractiveCompress
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.layouts.layout import laid_out
from ragkit.evaluation.stats import mean_figure
from ragkit.generate.clues import CLUES, Clued
from ragkit.generate.extractive import OUT_OF_SCOPE, ExtractiveGenerate, Weighed
from ragkit.generate.odds import Weights, bundled, confidence, out_of_scope, shares
from ragkit.graph.stage import RunContext
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.rerank.model import ModelRerank
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Context

Floats = NDArray[np.float64]
SETS = {"embedded": "squad20-dev", "words": "xquad-dev/ru"}
# Of the fit and of the report alike: half of the questions can be answered.
MIX = {"in": 0.5, "near": 0.25, "out": 0.25, "trap": 0.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked once: what spoke for each sentence, and which ones hold the answer."""

    mode: str
    article: str
    clued: Clued
    right: NDArray[np.bool_]
    chosen: Callable[[Weights], list[int]]


class Watched(ExtractiveGenerate):
    """The stage, telling what it weighed. A graph makes its stages anew, so the class holds it."""

    seen: ClassVar[tuple[ExtractiveGenerate, Weighed] | None] = None
    without: ClassVar[str | None] = None

    def run(self, context: Context, ctx: RunContext) -> Answer:
        kept = tuple(p for p in context.passages if p.chunk.document_id != Watched.without)
        weighed = self.weighed(replace(context, passages=kept))
        Watched.seen = None if weighed is None else (self, weighed)
        return Answer(context.plan, text="")


def main() -> None:
    """Fits where asked to, and prints how often the answer is right at each confidence."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=1000, help="about how many of each language")
    parser.add_argument("--fit", action="store_true", help="fit, and write ragkit/generate/odds.json")
    args = parser.parse_args()
    data = {name: laid_out(load_dataset(args.folder / path), "squad") for name, path in SETS.items()}
    titles = sorted({_article(row.id) for one in data.values() for row in one.corpus()})
    asked = {name: list(_asked(one, args.questions)) for name, one in data.items()}
    path = Path(str(files("ragkit.generate") / "odds.json"))
    if args.fit:
        table: dict[str, object] = {"made by": "evals/answer_odds.py"}
        for name, rows in asked.items():
            own = [row for row in rows if row.article in titles[::2] and row.mode != "trap"]
            table[name] = {"fitted on": f"{SETS[name]}, {len(own)} questions", **_fitted(own)}
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        bundled.cache_clear()
    for name, rows in asked.items():
        weights = bundled(embedded=name == "embedded")
        for split, articles in (("fit", titles[::2]), ("report", titles[1::2])):
            print(f"\n{SETS[name]}, {split}: checksum {data[name].checksum()[:12]}")
            _report([row for row in rows if row.article in articles], weights)


def _asked(data: Dataset, n: int) -> Iterator[Asked]:
    found = ragkit.fan_out(DenseRetrieve(k=50), Bm25Retrieve(k=50)) >> WeightedFuse(k=20)
    ranked = found >> ModelRerank(model=BundledReranker(), k=10)
    graph = ranked >> ExtractiveCompress(budget_tokens=1800) >> Watched()
    sample = data.sample(n)
    with (
        tempfile.TemporaryDirectory() as index,
        ragkit.open(index, graph=graph, set={"collection.fields": {"article": "keyword"}}) as rag,
    ):
        documents = [row.document() for row in data.corpus()]
        rag.ingest([replace(d, metadata={"article": _article(d.id)}) for d in documents], progress=False)
        for question in sample.questions.values():
            places = [(e.document_id, e.span) for e in question.evidence]
            gold = places[0][0] if places else str(question.metadata["doc_id"])
            modes = ("in", "near", "out") if places else ("trap",)
            for mode in modes:
                Watched.without = gold if mode == "near" else None
                rag.ask(question.text, filter={"article": {"ne": _article(gold)}} if mode == "out" else None)
                if Watched.seen is not None:
                    yield _row(*Watched.seen, mode, _article(gold), question)


def _row(stage: ExtractiveGenerate, seen: Weighed, mode: str, article: str, question: Question) -> Asked:
    sentences = [seen.quotable.sentences[n][i] for n, i in seen.quotable.places]
    documents = [seen.quotable.passages[n].chunk.document_id for n, _ in seen.quotable.places]
    right = [
        any(
            document == place.document_id
            and sentence.span.start <= place.span.start
            and place.span.end <= sentence.span.end
            for place in question.evidence
        )
        for sentence, document in zip(sentences, documents, strict=True)
    ]

    def chosen(weights: Weights) -> list[int]:
        return stage.choose(replace(seen, shares=shares(seen.clued, weights), weights=weights))

    return Asked(mode, article, seen.clued, np.array(right), chosen)


def _article(document_id: str) -> str:
    return re.sub(r"-x?\d+$", "", document_id)


# --- fitting --------------------------------------------------------------------------------------


def _fitted(rows: Sequence[Asked]) -> dict[str, object]:
    every = np.concatenate([row.clued.rows for row in rows])
    spread = every.std(axis=0) + 1e-9
    solution = _descend(_sentence_loss(rows, spread), len(CLUES) + 1)
    clue_weights = solution[:-1] / spread
    none = float(solution[-1])
    weights = Weights(tuple(clue_weights.tolist()), none, (0.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    values, is_right, mass = [], [], []
    for row in rows:
        p, chosen = shares(row.clued, weights), row.chosen(weights)
        values.append((1.0, _logit(p[chosen].sum()), _logit(p.sum())))
        is_right.append(bool(row.right[chosen].any()))
        mass.append(_mass(rows)[row.mode])
    calibration = _logistic_fit(np.array(values), np.array(is_right), np.array(mass))
    missing = [row for row in rows if row.mode != "in"]
    about = [
        (1.0, row.clued.said_in_passage, row.clued.rows[:, CLUES.index("cosine")].max()) for row in missing
    ]
    scope = _logistic_fit(
        np.array(about), np.array([row.mode == "out" for row in missing]), np.ones(len(missing))
    )
    return {
        "clues": {name: round(float(w), 4) for name, w in zip(CLUES, clue_weights, strict=True)},
        "none": round(none, 4),
        "calibration": dict(zip(("bias", "quoted", "all"), np.round(calibration, 4).tolist(), strict=True)),
        "scope": dict(zip(("bias", "said", "cosine"), np.round(scope, 4).tolist(), strict=True)),
    }


def _mass(rows: Sequence[Asked]) -> dict[str, float]:
    """What a question of each mode weighs, so that the modes have the shares of `MIX`."""
    counts = {mode: sum(row.mode == mode for row in rows) for mode in MIX}
    return {mode: share / counts[mode] if counts[mode] else 0.0 for mode, share in MIX.items()}


Loss = Callable[[Floats], tuple[float, Floats]]


def _sentence_loss(rows: Sequence[Asked], spread: Floats) -> Loss:
    """Of the softmax over the sentences of each question and "none": the log of what falls on right ones."""
    values = np.concatenate([row.clued.rows for row in rows]) / spread
    right = np.concatenate([row.right for row in rows]).astype(float)
    sizes = np.array([len(row.right) for row in rows])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    group = np.repeat(np.arange(len(rows)), sizes)
    mass = np.array([_mass(rows)[row.mode] for row in rows])
    mass /= mass.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        at, none = values @ solution[:-1], solution[-1]
        top = np.maximum(np.maximum.reduceat(at, starts), none)
        odds, odds_none = np.exp(at - top[group]), np.exp(none - top)
        total = np.add.reduceat(odds, starts) + odds_none
        good = np.add.reduceat(odds * right, starts)
        has = good > 0
        aim = np.where(has, good, odds_none)
        pull = odds / total[group] - np.where(has[group], odds * right / aim[group], 0.0)
        slope = values.T @ (pull * mass[group])
        slope_none = float((mass * (odds_none / total - ~has)).sum())
        held = 1e-3 * solution[:-1]
        value = float(-(mass * np.log(aim / total)).sum() + held @ solution[:-1])
        return value, np.append(slope + 2 * held, slope_none)

    return loss


def _logistic_fit(values: Floats, is_right: NDArray[np.bool_], mass: Floats) -> Floats:
    mass = mass / mass.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-values @ solution))
        held = 1e-4 * solution
        fit = -(mass * np.log(np.where(is_right, p, 1 - p) + 1e-12)).sum()
        return float(fit + held @ solution), values.T @ (mass * (p - is_right)) + 2 * held

    return _descend(loss, values.shape[1], steps=3000)


def _descend(loss: Loss, size: int, steps: int = 800, rate: float = 0.05) -> Floats:
    """Adam on the whole batch: the losses are smooth and small."""
    solution, mean, square = np.zeros(size), np.zeros(size), np.zeros(size)
    for step in range(1, steps + 1):
        slope = loss(solution)[1]
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        solution = solution - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return solution


def _logit(share: float) -> float:
    held = min(max(float(share), 1e-6), 1 - 1e-6)
    return float(np.log(held / (1 - held)))


# --- reporting ------------------------------------------------------------------------------------


def _report(rows: Sequence[Asked], weights: Weights) -> None:
    chosen = [row.chosen(weights) for row in rows]
    p = [shares(row.clued, weights) for row in rows]
    sure = np.array(
        [confidence(float(a[c].sum()), float(a.sum()), weights) for a, c in zip(p, chosen, strict=True)]
    )
    is_right = np.array([bool(row.right[c].any()) for row, c in zip(rows, chosen, strict=True)])
    mass = np.array([_mass(rows)[row.mode] for row in rows])
    modes = np.array([row.mode for row in rows])
    answerable = [row for row in rows if row.mode == "in" and row.right.any()]
    for name, first in (
        ("judged alone", [row.right[int(np.argmax(row.clued.rows[:, 0]))] for row in answerable]),
        ("by all clues", [row.right[int(np.argmax(shares(row.clued, weights)))] for row in answerable]),
    ):
        figure = mean_figure(np.array(first, dtype=float), clusters=[row.article for row in answerable])
        print(f"  best sentence holds the answer, {name}: {figure}")
    n_quoted = np.mean([len(c) for c in chosen])
    print(f"  sentences quoted {n_quoted:.2f}; right among all questions with an answer "
          f"{mean_figure(is_right[modes == 'in'].astype(float))}")  # fmt: skip
    print("  confidence     n   right (in the mix)")
    for low in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8):
        high = {0.0: 0.1, 0.1: 0.2}.get(low, low + 0.2)
        own = (sure >= low) & (sure < high + (high >= 1)) & (mass > 0)
        if own.any():
            print(
                f"  {low:.1f} to {high:.1f} {own.sum():6} {np.average(is_right[own], weights=mass[own]):7.2f}"
            )
    print("  answered at    in   near    out   trap   balanced   right of the answered")
    for least in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        done = sure >= least
        rate = {mode: float(done[modes == mode].mean()) if (modes == mode).any() else np.nan for mode in MIX}
        balanced = (rate["in"] + 1 - (rate["near"] + rate["out"]) / 2) / 2
        of_answered = np.average(is_right[done], weights=mass[done]) if mass[done].sum() else np.nan
        print(f"  {least:11.2f} {rate['in']:5.2f} {rate['near']:6.2f} {rate['out']:6.2f} {rate['trap']:6.2f}"
              f" {balanced:10.3f} {of_answered:10.2f}")  # fmt: skip
    own = mass > 0
    order = np.argsort(-sure[own], kind="stable")
    wrong, weight = ~is_right[own][order], mass[own][order]
    area = np.average(np.cumsum(wrong * weight) / np.cumsum(weight), weights=weight)
    print(f"  AURC {area:.3f} (guessing {np.average(wrong, weights=weight):.3f})")
    foreign = np.array([out_of_scope(row.clued, weights) for row in rows])
    print("  said to be out of scope, of those declined at 0.2: " + ", ".join(
        f"{mode} {float((foreign[(modes == mode) & (sure < 0.2)] >= OUT_OF_SCOPE).mean()):.2f}"
        for mode in MIX if ((modes == mode) & (sure < 0.2)).any()))  # fmt: skip


if __name__ == "__main__":
    main()
