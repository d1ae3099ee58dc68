"""What 121 configurations made of 200 real questions, measured once.

A graph of dense and BM25 arms, fusion, MMR and extractive compression over the 1,971 passages of HotpotQA's
development sample of 200 questions. `evidence` is the share of a question's evidence sentences that stand
whole in the context, `tokens` the size of the context, `ndcg` its nDCG@10 before.
No text is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.search.grid import Grid
from tests.unit.evaluation.search.recorded import Recorded, grid_of

_PATH = Path(__file__).parents[3] / "golden" / "search" / "recording.npz"


@dataclass(frozen=True, slots=True)
class Recording:
    """Values by measure (`[configurations, questions]`), the grid, and the documents of each question."""

    values: dict[str, NDArray[np.float64]] = field(repr=False)
    grid: Grid = field(repr=False)
    documents: dict[str, list[str]] = field(repr=False)

    @property
    def questions(self) -> list[str]:
        return list(self.documents)

    def evaluator(self, metrics: tuple[str, ...]) -> Recorded:
        return Recorded({metric: self.values[metric] for metric in metrics}, self.questions)


@cache
def recording() -> Recording:
    """The recording, read once."""
    with np.load(_PATH, allow_pickle=False) as kept:
        values = {
            "evidence": kept["shares"][kept["evidence"]],
            "tokens": kept["tokens"].astype(np.float64),
            "ndcg": kept["ndcg"] / 60_000,
        }
        stages = [[str(key) for key in row if key >= 0] for row in kept["stages"]]
        documents = {f"q{n}": [str(d) for d in row if d >= 0] for n, row in enumerate(kept["documents"])}
        grid = grid_of(stages, [str(label) for label in kept["labels"]], baseline=int(kept["baseline"]))
    return Recording(values, grid=grid, documents=documents)
