"""From claims to sentences with checked citations: what a claim points to is weighed, or sought elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.types import Citation, Sentence
from ragkit.verify.align import Evidence
from ragkit.verify.facts import Problem, problems
from ragkit.verify.passages import Passages
from ragkit.verify.support import Candidate, SupportModel
from ragkit.verify.written import Claim

# What a claim points to is refused where another passage supports it by so much more.
_BETTER_ELSEWHERE = 0.2
# A passage pointed to besides others must have at least this share of the best one's support.
_SHARE_OF_BEST = 0.4
_NEAR_ENOUGH_TO_CONTRADICT = 0.6


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Support that a passage needs: pointed to by the model, and found where it pointed to none."""

    cited: float
    found: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim after its check.

    Args:
        claim: as it was read.
        sentence: its text, with the citations that hold or with the problems.
        refused: citations of the model that were not kept, in words.
        is_conflicting: whether one of its passages says the contrary of another.
    """

    claim: Claim
    sentence: Sentence
    refused: tuple[str, ...] = ()
    is_conflicting: bool = False

    @property
    def holds(self) -> bool:
        """Whether a citation bears it."""
        return bool(self.sentence.citations)


@dataclass(frozen=True, slots=True)
class _Weighed:
    evidence: Evidence
    support: float
    problems: tuple[Problem, ...]

    def holds(self, least: float) -> bool:
        return bool(self.evidence.spans) and self.support >= least and not self.problems


@dataclass(frozen=True)
class Checker:
    """Checks the claims of one answer against its passages.

    Example:
        Checker(Passages(context), LexicalSupport(), Thresholds(0.5, 0.7)).check(claim)
    """

    passages: Passages
    model: SupportModel
    thresholds: Thresholds
    attributes: bool = True

    def check(self, claim: Claim) -> Checked:
        """The claim with the citations that hold, else with what is wrong with it."""
        numbers = [n for n in claim.numbers if 1 <= n <= len(self.passages)]
        refused = [f"[{n}] points to no passage" for n in claim.numbers if n not in numbers]
        pointed = self._weighed(claim, numbers)
        together = self._together(claim, pointed)
        if together is not None:
            kept, more, is_conflicting = self._kept(claim, pointed, together)
            if not self._is_better_elsewhere(claim, numbers, together):
                return Checked(claim, _sentence(claim, kept), (*refused, *more), is_conflicting)
        refused += [f"[{w.evidence.passage}] {_why(w, self.thresholds.cited)}" for w in pointed]
        found = self._found(claim, numbers)
        if found is not None:
            return Checked(claim, _sentence(claim, self._cited(found)), tuple(refused))
        nearest = max(pointed, key=lambda w: w.support, default=None)
        why = _why(nearest, self.thresholds.cited) if nearest else "cites no passage that bears it out"
        return Checked(
            claim, Sentence(claim.text, problems=(f"its source {why}" if nearest else why,)), tuple(refused)
        )

    def facts_hold(self, text: str) -> bool:
        """Whether the whole context has the facts of a heading or the like."""
        found = self.passages.evidence(text, range(1, len(self.passages) + 1))
        material = self.passages.material([e for e in found if e.spans])
        return not [
            p for p in problems(text, material) if p.kind in ("number", "date", "name", "link", "quote")
        ]

    def _weighed(self, claim: Claim, numbers: Sequence[int]) -> list[_Weighed]:
        found = self.passages.evidence(claim.text, numbers)
        candidates = [self._candidate(e) for e in found]
        supports = self.model.score(claim.text, candidates)
        return [
            _Weighed(e, support if e.spans else 0.0, tuple(problems(claim.text, self.passages.material([e]))))
            for e, support in zip(found, supports, strict=True)
        ]

    def _candidate(self, evidence: Evidence) -> Candidate:
        return Candidate(
            "\n".join(evidence.sentences), coverage=evidence.coverage, sentences=evidence.sentences
        )

    def _together(self, claim: Claim, pointed: Sequence[_Weighed]) -> _Weighed | None:
        """What is pointed to, as one; None where that does not bear the claim."""
        least = self.thresholds.cited
        alone = [w for w in pointed if w.holds(least)]
        if alone:
            return max(alone, key=lambda w: w.support)
        bearing = [w for w in pointed if w.evidence.spans]
        if len(bearing) < 2:
            return None
        facts = problems(claim.text, self.passages.material([w.evidence for w in bearing]))
        coverage = min(1.0, sum(w.evidence.coverage for w in bearing))
        texts = tuple(s for w in bearing for s in w.evidence.sentences)
        joined = Candidate("\n".join(texts), coverage=coverage, sentences=texts)
        support = self.model.score(claim.text, [joined])[0]
        best = max(bearing, key=lambda w: w.support)
        return None if facts or support < least else _Weighed(best.evidence, support, ())

    def _kept(
        self, claim: Claim, pointed: Sequence[_Weighed], together: _Weighed
    ) -> tuple[list[Citation], list[str], bool]:
        """The citations that add to the claim, what was refused, and whether a passage contradicts it."""
        kept: list[Citation] = []
        refused: list[str] = []
        is_conflicting = False
        needs_all = together not in pointed
        for w in pointed:
            adds = bool(w.evidence.spans) and w.support >= _SHARE_OF_BEST * together.support
            if adds and (needs_all or not w.problems):
                support = together.support if needs_all else w.support
                kept.extend(self.passages.citations(w.evidence, support))
                continue
            is_near = w.evidence.coverage >= _NEAR_ENOUGH_TO_CONTRADICT
            is_conflicting |= bool(w.problems) and is_near
            refused.append(f"[{w.evidence.passage}] {_why(w, self.thresholds.cited)}")
        return kept, refused, is_conflicting

    def _is_better_elsewhere(self, claim: Claim, numbers: Sequence[int], together: _Weighed) -> bool:
        if not self.attributes or together.support >= 1.0 - _BETTER_ELSEWHERE:
            return False
        found = self._found(claim, numbers)
        return found is not None and found.support >= together.support + _BETTER_ELSEWHERE

    def _found(self, claim: Claim, without: Sequence[int]) -> _Weighed | None:
        """The passage that clearly supports a claim, among those it does not point to."""
        if not self.attributes:
            return None
        others = [n for n in range(1, len(self.passages) + 1) if n not in without]
        holding = [w for w in self._weighed(claim, others) if w.holds(self.thresholds.found)]
        return max(holding, key=lambda w: w.support, default=None)

    def _cited(self, weighed: _Weighed) -> list[Citation]:
        return self.passages.citations(weighed.evidence, weighed.support)


def _sentence(claim: Claim, citations: Sequence[Citation]) -> Sentence:
    return Sentence(claim.text, citations=tuple(dict.fromkeys(citations)))


def _why(weighed: _Weighed, least: float) -> str:
    if not weighed.evidence.spans:
        return "has nothing on it"
    if weighed.problems:
        return "; ".join(problem.text for problem in weighed.problems)
    if weighed.support < least:
        return f"supports it by {weighed.support:.2f}, less than {least:.2f}"
    return "supports it less than another passage"
