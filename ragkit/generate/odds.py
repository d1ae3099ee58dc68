"""How likely each sentence is to answer a question, and how likely none does.

Every sentence has a value, the sum of its clues (`ragkit.generate.clues`) times their weights; that no
sentence answers has one too, the same for every question. The shares are the softmax of all of them. The
weights lie in `odds.json`, once for questions whose language the embedder knows and once for words alone,
and are made by `evals/answer_odds.py`, which says on what.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from ragkit.generate.clues import CLUES, Clued, Floats

_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Weights:
    """What the clues weigh.

    Args:
        clues: in the order of `CLUES`.
        none: the value of "no sentence answers".
        calibration: the logit of a confidence is the sum of these times 1, the logit of the share of what is
            quoted, and the logit of the share of all sentences.
        scope: the logit of "the collection is not about this" is the sum of these times 1, the largest
        share of the question's words in one passage, and the largest cosine.
    """

    clues: tuple[float, ...]
    none: float
    calibration: tuple[float, float, float]
    scope: tuple[float, float, float]


def shares(clued: Clued, weights: Weights) -> Floats:
    """The probability of each sentence to be the one that answers, shape `[n]`; they add up to less than 1.

    What is missing from 1 is the probability that none does.
    """
    values = clued.rows @ np.array(weights.clues)
    top = max(float(values.max(initial=weights.none)), weights.none)
    odds = np.exp(values - top)
    return np.asarray(odds / (odds.sum() + math.exp(weights.none - top)), dtype=np.float64)


def confidence(share_quoted: float, share_all: float, weights: Weights) -> float:
    """The probability that an answer holds what was asked for, from 0 to 1.

    Args:
        share_quoted: of the sentences that the answer quotes.
        share_all: of all sentences.
        weights: whose calibration it is.
    """
    bias, quoted, every = weights.calibration
    return _logistic(bias + quoted * _logit(share_quoted) + every * _logit(share_all))


def out_of_scope(clued: Clued, weights: Weights) -> float:
    """The probability that the collection is not about a question that it does not answer, from 0 to 1."""
    cosine = float(clued.rows[:, CLUES.index("cosine")].max(initial=0.0))
    bias, said, close = weights.scope
    return _logistic(bias + said * clued.said_in_passage + close * cosine)


@lru_cache(maxsize=2)
def bundled(*, embedded: bool) -> Weights:
    """The weights that come with ragkit.

    >>> len(bundled(embedded=True).clues) == len(CLUES)
    True
    """
    table = json.loads((files("ragkit.generate") / "odds.json").read_text(encoding="utf-8"))
    row = table["embedded" if embedded else "words"]
    return Weights(
        tuple(float(row["clues"][name]) for name in CLUES),
        none=float(row["none"]),
        calibration=(row["calibration"]["bias"], row["calibration"]["quoted"], row["calibration"]["all"]),
        scope=(row["scope"]["bias"], row["scope"]["said"], row["scope"]["cosine"]),
    )


def _logit(share: float) -> float:
    held = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(held / (1 - held))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
