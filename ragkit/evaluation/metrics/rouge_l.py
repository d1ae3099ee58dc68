"""ROUGE-L: how long a thread of words do the reply and an accepted answer share?"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.accepted import best_of_accepted
from ragkit.evaluation.metrics.metric import Need


@dataclass(frozen=True, slots=True)
class RougeL:
    """The best F of the longest common subsequence of words, of the reply against an accepted answer.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, section 3, at the level of the whole
    text, with beta = 1, without stemming. Its words are those of `ragkit.evaluation.metrics.wording`, so that
    scripts other than Latin count too; the packages that are around look at a-z and 0-9 alone.

    >>> RougeL().name
    'ROUGE-L'
    """

    name: str = "ROUGE-L"
    needs: frozenset[Need] = frozenset({"answers", "reply"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where there is no reply or nothing to compare it with."""
        return best_of_accepted(case, rouge_l)


def rouge_l(answer: list[str], given: list[str]) -> float:
    """The F of two lists of words; where one of them is empty, 1 if both are.

    >>> rouge_l("police killed the gunman".split(), "police kill the gunman".split())
    0.75
    """
    if not answer or not given:
        return float(answer == given)
    return 2 * common_subsequence(answer, given) / (len(answer) + len(given))


def common_subsequence(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence, in O((r + n) log n) for r pairs of equal words.

    Hunt and Szymanski, "A fast algorithm for computing longest common subsequences", CACM 20(5), 1977.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(other):
        places[word].append(place)
    ends: list[int] = []  # ends[i]: the least place at which a common subsequence of i + 1 words can end
    for word in one:
        for place in reversed(places.get(word, ())):
            i = bisect_left(ends, place)
            ends[i : i + 1] = [place]
    return len(ends)
