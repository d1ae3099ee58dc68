"""Finds how the reranker's score and the first stage's are weighed, and says what that gives, set by set.

    python evals/models/reranker/fit_blend.py OUT MODEL [--candidates 30]

Fitted on the questions that `sets.py` keeps for it, every set counting alike; the test sets are
only reported.
The blended score is a logit:  model · s + first · z  , where s is the model's logit and z the first stage's
score, standardised over the candidates; `long` lessens `model` for queries of more than 16 words.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from score import scored

from ragkit.rerank.blend import Blend

Numbers = NDArray[np.float64]
DEPTH = 10


class Lists:
    """The candidates of many questions as padded arrays, shape `[q, n]`."""

    def __init__(self, judged: list[dict[str, Any]], scores: list[Numbers], n: int):
        shape = (len(judged), n)
        self.first, self.model, self.grades = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.there = np.zeros(shape, bool)
        for i, (one, given) in enumerate(zip(judged, scores, strict=True)):
            m = min(n, len(given))
            fused = 0.35 * np.array(one["dense"][:m]) + 0.65 * np.array(one["bm25"][:m])
            self.first[i, :m] = (fused - fused.mean()) / max(float(fused.std()), 1e-9)
            self.model[i, :m], self.grades[i, :m], self.there[i, :m] = given[:m], one["grades"][:m], True
        self.words = np.array([len(one["text"].split()) for one in judged])
        self.sets = np.array([one["set"] + ("*" if one["generated"] else "") for one in judged])
        self.kinds = np.array([one["kind"] for one in judged])
        self.ideal = np.array([dcg(sorted(one["all_grades"], reverse=True)) for one in judged])
        self.fit = np.array([one["split"] == "fit" for one in judged])

    def blended(self, weights: Numbers) -> Numbers:
        """Logits for `weights` = model, first, long."""
        model, first, long = weights
        share = np.maximum(0.0, 1.0 - long * np.maximum(0.0, np.log(self.words / 16)))
        return np.asarray(model * share[:, None] * self.model + first * self.first)

    def ndcg(self, logits: Numbers) -> Numbers:
        """nDCG@10 of each question."""
        order = np.argsort(np.where(self.there, -logits, np.inf), axis=1, kind="stable")[:, :DEPTH]
        gains = np.take_along_axis(self.grades, order, axis=1)
        return np.asarray((gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(axis=1) / self.ideal)

    def loss(self, logits: Numbers) -> Numbers:
        """Listwise cross-entropy of each question that has a relevant candidate."""
        held = np.where(self.there, logits, -1e9)
        shares = held - held.max(axis=1, keepdims=True)
        shares -= np.log(np.exp(shares).sum(axis=1, keepdims=True))
        goal = self.grades / np.maximum(self.grades.sum(axis=1, keepdims=True), 1e-9)
        return np.asarray(-(goal * shares).sum(axis=1))


def dcg(grades: list[float]) -> float:
    """Discounted gain of grades in their order, the best ten."""
    return float(sum(grade / np.log2(rank + 2) for rank, grade in enumerate(grades[:DEPTH])))


def fitted(lists: Lists, use: NDArray[np.bool_]) -> Numbers:
    """The weights with the least loss over the questions `use`, every set counting alike."""
    counts = defaultdict(int)
    for name in lists.sets[use]:
        counts[name] += 1
    weight = np.array(
        [1 / counts[name] if there else 0.0 for name, there in zip(lists.sets, use, strict=True)]
    )

    def objective(weights: Numbers) -> float:
        return float(weight @ lists.loss(lists.blended(np.abs(weights))))

    found = minimize(objective, np.array([0.5, 0.5, 0.1]), method="Nelder-Mead", options={"xatol": 1e-3})
    return np.abs(found.x)


def main() -> None:
    """Command line: OUT MODEL [--candidates N]."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--candidates", type=int, default=30)
    arguments = parser.parse_args()
    judged = json.loads((arguments.out / "judged.json").read_text(encoding="utf-8"))
    judged = [one for one in judged if one["all_grades"]]
    lists = Lists(
        judged, scored(judged, arguments.out, arguments.model, arguments.candidates), arguments.candidates
    )
    weights = fitted(lists, lists.fit)
    print("model, first, long:", weights.round(3).tolist())
    write(arguments.model / "model.json", weights, highest=float(lists.model[lists.there].max()))
    systems = {
        "first": lists.ndcg(lists.first),
        "model": lists.ndcg(lists.model),
        "blend": lists.ndcg(lists.blended(weights)),
    }
    for name in sorted(set(lists.sets[lists.fit])):
        without = fitted(lists, lists.fit & (lists.sets != name))
        here = lists.fit & (lists.sets == name)
        report(f"fit   {name}", here, {**systems, "without it": lists.ndcg(lists.blended(without))})
    for name in sorted(set(lists.sets[~lists.fit])):
        report(f"test  {name}", ~lists.fit & (lists.sets == name), systems)


def write(manifest: Path, weights: Numbers, *, highest: float) -> None:
    """Puts the weights into the model's manifest, where `rerank/model` finds them."""
    model, first, long = weights.tolist()
    blend = Blend(model=model, first=first, long=long, bias=0.0, highest=highest)
    described = json.loads(manifest.read_text(encoding="utf-8")) | {"blend": blend.model_dump()}
    manifest.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def report(name: str, use: NDArray[np.bool_], systems: dict[str, Numbers]) -> None:
    """One line: mean nDCG@10 of each system over `use`."""
    shown = "  ".join(f"{system} {values[use].mean():.3f}" for system, values in systems.items())
    print(f"{name:<16}{int(use.sum()):>5}  {shown}", flush=True)


if __name__ == "__main__":
    main()
