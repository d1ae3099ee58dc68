"""Finds how the reranker's score and the first stage's are weighed, and says what that gives, set by set.

    python evals/models/reranker/fit_blend.py OUT MODEL [--candidates 20]

Fitted on the questions of people that `sets.py` keeps for it, every set counting alike; each set is reported
with the weights that the others gave. The blended score is a logit:  model · s + first · z + bias  , where s
is the model's logit and z the first stage's score, standardised over the candidates. `bias` makes the mean
probability right; it changes no order.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, root_scalar
from scipy.special import expit
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
        self.sets = np.array([one["set"] for one in judged])
        self.ideal = np.array([dcg(sorted(one["all_grades"], reverse=True)) for one in judged])

    def blended(self, weights: Numbers) -> Numbers:
        """Logits for `weights` = model, first."""
        return np.asarray(weights[0] * self.model + weights[1] * self.first)

    def bias(self, logits: Numbers) -> float:
        """What makes the mean probability the share of relevant candidates."""
        seen, share = logits[self.there], float((self.grades[self.there] > 0).mean())
        found = root_scalar(lambda bias: float(expit(seen + bias).mean()) - share, bracket=(-60.0, 60.0))
        return float(found.root)

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

    found = minimize(objective, np.array([0.5, 0.5]), method="Nelder-Mead", options={"xatol": 1e-3})
    return np.abs(found.x)


def main() -> None:
    """Command line: OUT MODEL [--candidates N]."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--candidates", type=int, default=20)
    arguments = parser.parse_args()
    judged = json.loads((arguments.out / "judged.json").read_text(encoding="utf-8"))
    judged = [one for one in judged if one["split"] == "fit" and one["all_grades"] and not one["generated"]]
    lists = Lists(
        judged, scored(judged, arguments.out, arguments.model, arguments.candidates), arguments.candidates
    )
    every = np.ones(len(judged), bool)
    weights = fitted(lists, every)
    bias = lists.bias(lists.blended(weights))
    print("model, first:", weights.round(3).tolist(), "bias:", round(bias, 3))
    highest = float(lists.model[lists.there].max())
    write(arguments.model / "model.json", weights, bias, highest=highest)
    systems = {
        "first": lists.ndcg(lists.first),
        "model": lists.ndcg(lists.model),
        "blend": lists.ndcg(lists.blended(weights)),
    }
    for name in sorted(set(lists.sets)):
        without = fitted(lists, lists.sets != name)
        report(name, lists.sets == name, {**systems, "by the others": lists.ndcg(lists.blended(without))})


def write(manifest: Path, weights: Numbers, bias: float, *, highest: float) -> None:
    """Puts the weights into the model's manifest, where `rerank/model` finds them."""
    model, first = weights.round(3).tolist()
    blend = Blend(model=model, first=first, long=0.0, bias=round(bias, 3), highest=round(highest, 3))
    described = json.loads(manifest.read_text(encoding="utf-8")) | {"blend": blend.model_dump()}
    manifest.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def report(name: str, use: NDArray[np.bool_], systems: dict[str, Numbers]) -> None:
    """One line: mean nDCG@10 of each system over `use`."""
    shown = "  ".join(f"{system} {values[use].mean():.3f}" for system, values in systems.items())
    print(f"{name:<16}{int(use.sum()):>5}  {shown}", flush=True)


if __name__ == "__main__":
    main()
