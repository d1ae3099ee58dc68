"""The claims of one answer, each checked once: while the answer is written, and again when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.types import Answer, Context
from ragkit.verify.brought import Brought
from ragkit.verify.cite import Checked, Checker
from ragkit.verify.compose import compose
from ragkit.verify.policy import Policy
from ragkit.verify.unfinished import certain_claims
from ragkit.verify.written import Claim, Kind

Check = Callable[[Claim, bool], Checked]
"""The check of a claim; whether it is the last one."""


@dataclass
class Claims:
    """Remembers what became of the claims of an answer.

    Args:
        checker: of its passages.
        check: of one claim; its result depends on nothing but the claim and whether it is the last.
    """

    checker: Checker
    check: Check
    _known: dict[tuple[str, tuple[int, ...], Kind], Checked] = field(default_factory=dict)
    _frames: dict[str, bool] = field(default_factory=dict)

    def checked(self, claims: Sequence[Claim], *, is_whole: bool) -> list[Checked]:
        """Each claim with its check, in order. Where the text is whole, the last one is checked as such."""
        found: list[Checked] = []
        for i, claim in enumerate(claims, start=1):
            if is_whole and i == len(claims):
                found.append(self.check(claim, True))
                continue
            # A model that goes round in circles says one thing a thousand times.
            key = (claim.text, claim.numbers, claim.kind)
            if key not in self._known:
                self._known[key] = self.check(claim, False)
            found.append(replace(self._known[key], claim=claim))
        return found

    def frame_holds(self, text: str) -> bool:
        """Whether the passages have what a heading says."""
        if text not in self._frames:
            self._frames[text] = self.checker.facts_hold(text)
        return self._frames[text]


class Followed:
    """Checks an answer while it is written, claim by claim, and composes what of it is certain.

    Example:
        Followed(claims, context, "drop", Brought(claims.checker.passages, 0.0))(part)
    """

    def __init__(self, claims: Claims, context: Context, policy: Policy, brought: Brought) -> None:
        self.claims, self.context = claims, context
        self._policy, self._brought = policy, brought

    def __call__(self, part: Answer) -> Answer:
        """What of a part can be shown."""
        if part.sentences:
            return self._brought.verified(part, self._policy, RunContext(NodeTrace("", "")))
        found = certain_claims(part.text, len(self.context.passages))
        checked = self.claims.checked(found, is_whole=False)
        shown = compose(part, checked, self._policy, self.claims.frame_holds)
        while shown.correction is not None and checked:
            # It will be written anew from what does not hold, and nothing behind that is shown.
            checked.pop()
            shown = compose(part, checked, self._policy, self.claims.frame_holds)
        return shown
