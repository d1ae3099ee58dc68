"""nDCG, precision, recall, average precision, reciprocal rank, success: the values that trec_eval gives.

Names are those of ir_measures: `nDCG@10`, `P@5`, `R@100`, `AP`, `AP@100`, `RR`, `RR@10`, `Success@1`. A grade
of 1 or more is relevant; `P(rel=2)@5` asks for 2 or more. What is not judged counts as not relevant. A query
of whose judged documents none is relevant scores 0 in every measure, as in trec_eval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.errors import EvalError, did_you_mean

_NAME = re.compile(r"(?P<kind>[A-Za-z]+)(?:\(rel=(?P<rel>\d{1,9})\))?(?:@(?P<cutoff>\d{1,9}))?")
_EXAMPLES = "nDCG@10, P@5, R@100, AP, AP@100, RR@10, Success@1, P(rel=2)@5"
_ALIASES = {
    "map": "AP",
    "mrr": "RR",
    "recall": "R",
    "precision": "P",
    "ndcg": "nDCG",
    "hit": "Success",
    "hits": "Success",
}


@dataclass(frozen=True, slots=True)
class RankingMetric:
    """One measure of rankings, in the definition of trec_eval 9.

    Args:
        kind: `nDCG`, `P`, `R`, `AP`, `RR` or `Success`.
        cutoff: how many documents from the top are looked at, all without one; `P`, `R`, `Success` need one.
        relevant_from: the least grade that counts as relevant. nDCG takes the grades themselves.

    Raises:
        EvalError: there is no such measure, or it does not take these arguments.

    >>> metric = RankingMetric("nDCG", cutoff=10)
    >>> metric.name, round(metric.score(["b", "a"], {"a": 1}), 4)
    ('nDCG@10', 0.6309)
    """

    kind: str
    cutoff: int | None = field(default=None, kw_only=True)
    relevant_from: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if self.kind not in RANKING_NAMES:
            hint = _ALIASES.get(self.kind.lower())
            mend = f" Did you mean {hint!r}?" if hint else did_you_mean(self.kind, RANKING_NAMES)
            raise EvalError(f"measure {self.kind!r}: expected one of {', '.join(RANKING_NAMES)}.{mend}")
        if self.cutoff is None and self.kind in _NEEDS_CUTOFF:
            raise EvalError(f"measure {self.kind!r} needs a cutoff: {self.kind}@10")
        if self.cutoff is not None and self.cutoff < 1:
            raise EvalError(f"measure {self.kind}@{self.cutoff}: expected a cutoff of 1 or more")
        if self.relevant_from < 1:
            raise EvalError(f"measure {self.kind!r}, rel={self.relevant_from}: expected a grade of 1 or more")
        if self.relevant_from != 1 and self.kind == "nDCG":
            raise EvalError("measure 'nDCG' takes the grades themselves as gains: leave rel away")

    @property
    def name(self) -> str:
        """The name that `parse_metric` reads."""
        level = f"(rel={self.relevant_from})" if self.relevant_from != 1 else ""
        cutoff = f"@{self.cutoff}" if self.cutoff is not None else ""
        return f"{self.kind}{level}{cutoff}"

    def score(self, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
        """The measure of one ranking, in [0, 1].

        Args:
            ranked: document ids, best first, each once.
            judged: grades by document id.
        """
        top = [judged.get(document, 0) for document in ranked[: self.cutoff]]
        if self.kind == "nDCG":
            return _ndcg(top, judged, self.cutoff)
        least = self.relevant_from
        n_relevant = sum(grade >= least for grade in judged.values())
        if not n_relevant:
            return 0.0
        return _KERNELS[self.kind]([grade >= least for grade in top], n_relevant, self.cutoff)


def parse_metric(name: str) -> RankingMetric:
    """The measure of a name: `nDCG@10`, `R@100`, `AP`, `P(rel=2)@5`.

    Raises:
        EvalError: it is no such name.

    >>> parse_metric("RR@10").cutoff
    10
    """
    parts = _NAME.fullmatch(name.strip())
    if parts is None:
        raise EvalError(f"measure {name!r}: expected a name such as {_EXAMPLES}")
    cutoff, relevant_from = parts["cutoff"], parts["rel"]
    return RankingMetric(
        parts["kind"],
        cutoff=None if cutoff is None else int(cutoff),
        relevant_from=1 if relevant_from is None else int(relevant_from),
    )


def _ndcg(top: Sequence[int], judged: Mapping[str, int], cutoff: int | None) -> float:
    """Gain is the grade, discount log2(1 + rank), the ideal is cut at the same rank.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 20(4), 2002, with the
    discount of trec_eval's `ndcg_cut`: every rank is discounted, the first by 1. A grade below 0 gains 0.
    """
    ideal = _gain(sorted(judged.values(), reverse=True)[:cutoff])
    return _gain(top) / ideal if ideal else 0.0


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1) if grade > 0)


def _precision(top: Sequence[bool], _: int, cutoff: int | None) -> float:
    """By the cutoff, not by what was found: a ranking of two has at most P@10 of 0.2."""
    return sum(top) / (cutoff or len(top))


def _recall(top: Sequence[bool], n_relevant: int, _: int | None) -> float:
    return sum(top) / n_relevant


def _average_precision(top: Sequence[bool], n_relevant: int, _: int | None) -> float:
    """Precision at each relevant document, by all that are relevant: also when cut, as `map_cut`."""
    found, total = 0, 0.0
    for rank, relevant in enumerate(top, start=1):
        if relevant:
            found += 1
            total += found / rank
    return total / n_relevant


def _reciprocal_rank(top: Sequence[bool], _: int, __: int | None) -> float:
    return 1 / (top.index(True) + 1) if True in top else 0.0


def _success(top: Sequence[bool], _: int, __: int | None) -> float:
    return float(any(top))


_KERNELS: dict[str, Callable[[Sequence[bool], int, int | None], float]] = {
    "P": _precision,
    "R": _recall,
    "AP": _average_precision,
    "RR": _reciprocal_rank,
    "Success": _success,
}
RANKING_NAMES = ("nDCG", *_KERNELS)
"""The measures that there are, without cutoffs."""
_NEEDS_CUTOFF = ("P", "R", "Success")
