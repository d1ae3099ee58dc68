"""AURC: how far the pipeline knows which of its answers are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.contains import Contains
from ragkit.evaluation.metrics.metric import Floats, Need
from ragkit.evaluation.outcome import Reply


@dataclass(frozen=True, slots=True)
class Aurc:
    """The area under the risk-coverage curve: the share of wrong replies among the surest ones, averaged over
    all depths of "surest". 0 is best; the overall share of wrong replies is what guessing gives.

    Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017, and
    "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers", ICLR 2019, section 2: the mean over
    i = 1 … n of the mean loss of the i surest. Replies of equal confidence share their mean loss, which is
    the expectation over their orders.

    The loss is 1 unless the reply says an accepted answer, or abstains where there is none (`contains`). The
    confidence of a reply is the one that its generator states, else the mean over its sentences of the best
    support among the sentence's citations; an abstention has 0.

    >>> import numpy as np
    >>> confidence_and_loss = np.array([[0.9, 0], [0.8, 1], [0.1, 1]])
    >>> round(Aurc().value(confidence_and_loss), 3)
    0.389
    """

    name: str = "AURC"
    needs: frozenset[Need] = frozenset({"answers", "reply"})

    def parts(self, case: Case) -> tuple[float, ...] | None:
        """Confidence and loss; None where there is no reply or it is not known what is right."""
        right = Contains().of(case)
        if right is None or case.outcome.reply is None:
            return None
        return confidence(case.outcome.reply), 1.0 - right

    def value(self, parts: Floats) -> float | None:
        """From 0 to 1; None for no question."""
        return float(self.weighted(parts, np.ones((1, len(parts))))[0]) if len(parts) else None

    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        """`value` of each resample: a question that was drawn twice ties with itself."""
        levels, group = np.unique(-parts[:, 0], return_inverse=True)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(len(levels)))
        drawn = weights[:, order]
        size = np.add.reduceat(drawn, starts, axis=1)
        lost = np.add.reduceat(drawn * parts[order, 1], starts, axis=1)
        loss = np.divide(lost, size, out=np.zeros_like(lost), where=size > 0)
        n_after, lost_after = np.cumsum(size, axis=1), np.cumsum(lost, axis=1)
        n_before, lost_before = n_after - size, lost_after - lost
        # Within a group the i-th place has lost_before + (i - n_before) · loss among i.
        inverse = _harmonic(n_after) - _harmonic(n_before)
        area = (size * loss + (lost_before - n_before * loss) * inverse).sum(axis=1)
        total = n_after[:, -1]
        area[total == 0] = np.nan
        return np.asarray(area / np.maximum(total, 1.0), dtype=np.float64)


def confidence(reply: Reply) -> float:
    """How sure a reply is of itself, from 0 to 1."""
    if reply.abstained or not reply.sentences:
        return 0.0
    if reply.confidence is not None:
        return reply.confidence
    best = [max((c.support for c in sentence.citations), default=0.0) for sentence in reply.sentences]
    return sum(best) / len(best)


def _harmonic(counts: Floats) -> Floats:
    """1 + 1/2 + … + 1/n for each n."""
    places = np.rint(counts).astype(np.int64)
    table = np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, int(places.max(initial=0)) + 1))))
    return np.asarray(table[places], dtype=np.float64)
