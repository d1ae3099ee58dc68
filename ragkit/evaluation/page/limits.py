"""How much of a run a page holds, so that a browser opens it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ragkit.evaluation.report import Result

_STEPS = (20, 10, 5, 3, 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is shown of each question. The files of the run have the rest.

    Args:
        hits: the most passages shown of a stage.
        all_hits: of all stages of all questions together: `hits` falls to 10, 5, 3 or 1 where there would be
            more. A hit takes about 12 bytes.
        text_bytes: of passages in whole. Those that matter most come first: evidence, what was cited, what
            a generator read, what stood high.
        beginning: characters shown of a passage that is not shown in whole.

    >>> Limits().hits
    20
    """

    hits: int = field(default=20, kw_only=True)
    all_hits: int = field(default=200_000, kw_only=True)
    text_bytes: int = field(default=5_000_000, kw_only=True)
    beginning: int = field(default=120, kw_only=True)

    def hits_shown(self, results: Iterable[Result]) -> int:
        """The most passages of a stage, given how many there are in all."""
        lengths = [
            len(found.places)
            for result in results
            for outcome in result.outcomes.values()
            for found in outcome.found
        ]
        for step in (self.hits, *(step for step in _STEPS if step < self.hits)):
            if sum(min(length, step) for length in lengths) <= self.all_hits:
                return step
        return min(self.hits, _STEPS[-1])
