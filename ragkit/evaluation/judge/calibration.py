"""A judge against people's labels: may its figures be believed, and by how much are they off?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.judge.agreement import BalancedAccuracy, Kappa, Weights, pairs_of
from ragkit.evaluation.judge.verdict import JudgeVerdict
from ragkit.evaluation.set_figure import set_figure
from ragkit.evaluation.stats import FEW, Figure


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far a judge agrees with people on the same cases.

    Args:
        labels: in order, best first.
        table: how often people gave the first label of a pair and the judge the second.
        kappa: Cohen's, with its interval; None where it is not defined, as when all labels are the same.
        weighted_kappa: the same with near misses counted as such; as `kappa` for two labels.
        accuracy: balanced over people's labels.
        n: pairs. `failed` cases more have a label by people and no verdict; they are in no figure.
    """

    labels: tuple[str, ...]
    table: Mapping[tuple[str, str], int] = field(kw_only=True)
    kappa: Figure | None = field(kw_only=True)
    weighted_kappa: Figure | None = field(kw_only=True)
    accuracy: Figure = field(kw_only=True)
    n: int = field(kw_only=True)
    failed: int = field(kw_only=True)

    def text(self) -> str:
        """All of it, for people to read."""
        width = max(8, *(len(label) for label in self.labels))
        head = " ".join(f"{label:>{width}}" for label in self.labels)
        rows = [
            f"{one:>{width}} " + " ".join(f"{self.table[one, other]:>{width}}" for other in self.labels)
            for one in self.labels
        ]
        few = [f"Fewer than {FEW} labels: the intervals are too narrow."] if self.n < FEW else []
        return "\n".join(
            [
                f"{'people':>{width}} {head}   ← judge",
                *rows,
                f"kappa             {self.kappa or 'not defined: all labels are the same'}",
                f"weighted kappa    {self.weighted_kappa or 'not defined: all labels are the same'}",
                f"balanced accuracy {self.accuracy}",
                *few,
            ]
        )


def calibrate(
    verdicts: Mapping[str, JudgeVerdict | str],
    people: Mapping[str, str],
    *,
    labels: Sequence[str] = ("yes", "partly", "no"),
    weights: Weights = "linear",
    clusters: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Calibration:
    """Compares a judge's verdicts with people's labels of the same cases.

    Args:
        verdicts: by question, from `judge_cases`, or labels alone. Those that failed are counted, those with
            nothing to judge are left out.
        people: labels by question; questions without a verdict are left out.
        labels: in order, best first.
        weights: of near misses in the weighted kappa.
        clusters: by question, of those that belong together, see `stats.mean_figure`.
        seed: of the resampling.

    Raises:
        EvalError: no case has both, or a label is not one of `labels`.

    >>> judged = {"q1": "yes", "q2": "no", "q3": "yes", "q4": "no"}
    >>> calibrate(judged, {"q1": "yes", "q2": "no", "q3": "no", "q4": "no"}, labels=("yes", "no")).kappa.mean
    0.5
    """
    known, failed = list[str](), 0
    for id_ in people:
        verdict = verdicts.get(id_)
        if isinstance(verdict, JudgeVerdict) and verdict.is_failed:
            failed += 1
        elif _label(verdict) is not None:
            known.append(id_)
    if not known:
        raise EvalError(
            f"nothing to compare: of {len(people):,} labels by people, none is of a case with a verdict "
            f"({failed:,} failed). Are the ids those of the questions?"
        )
    places = {label: place for place, label in enumerate(labels)}
    ones = [_place(people[id_], places, f"people's label of {id_!r}") for id_ in known]
    others = [_place(_label(verdicts[id_]) or "", places, f"the verdict on {id_!r}") for id_ in known]
    n, parts = len(labels), pairs_of(ones, others, len(labels))
    groups = None if clusters is None else [clusters.get(id_, id_) for id_ in known]
    kappa, weighted, accuracy = (
        set_figure(metric, parts, failed=failed, clusters=groups, seed=seed)
        for metric in (Kappa(n), Kappa(n, weights=weights), BalancedAccuracy(n))
    )
    assert accuracy is not None
    table = parts.sum(axis=0).reshape(n, n).astype(np.int64)
    return Calibration(
        tuple(labels),
        table={(one, other): int(table[i, j]) for one, i in places.items() for other, j in places.items()},
        kappa=kappa,
        weighted_kappa=weighted,
        accuracy=accuracy,
        n=len(known),
        failed=failed,
    )


def _label(verdict: JudgeVerdict | str | None) -> str | None:
    return verdict.label if isinstance(verdict, JudgeVerdict) else verdict


def _place(label: str, places: Mapping[str, int], whose: str) -> int:
    if label not in places:
        raise EvalError(f"{whose} is {label!r}: expected one of {', '.join(places)}")
    return places[label]
