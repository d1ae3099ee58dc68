"""An answer made of checked claims: what holds, in its layout, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragkit.types import Answer, Correction, Sentence
from ragkit.verify.cite import Checked
from ragkit.verify.policy import Policy, abstained
from ragkit.verify.refusal import refusal
from ragkit.verify.written import Claim


@dataclass(frozen=True, slots=True)
class Shown:
    """A sentence of the answer and what stands before it."""

    sentence: Sentence
    gap: str
    is_row: bool = False
    is_code: bool = False

    @property
    def marked(self) -> str:
        """The sentence with its markers: in the last cell of a row, on a line of their own after code."""
        markers = "".join(f"[{m}]" for m in dict.fromkeys(c.marker for c in self.sentence.citations))
        text = self.sentence.text
        if not markers:
            return text
        if self.is_row and text.rstrip().endswith("|"):
            return f"{text.rstrip()[:-1].rstrip()} {markers} |"
        return f"{text}\n{markers}" if self.is_code else self.sentence.marked


def compose(
    answer: Answer, checked: Sequence[Checked], policy: Policy, frame_holds: Callable[[str], bool]
) -> Answer:
    """The answer with what holds; an abstention where nothing does, or where the policy asks for one.

    Headings and announcements stay where something below them does, as a part of its sentence.

    Args:
        answer: as the generator gave it.
        checked: its claims in order, frames among them.
        policy: for the claims that do not hold.
        frame_holds: whether a heading says nothing that the documents do not.
    """
    shown: list[Shown] = []
    dropped: list[Sentence] = []
    frame: list[Claim] = []
    after_frame = False
    said: set[str] = set()
    for item in checked:
        claim = item.claim
        if claim.kind == "frame":
            frame = [*(frame if after_frame else _above(frame, claim)), claim]
            after_frame = True
            continue
        after_frame = False
        key = " ".join(re.findall(r"\w+", claim.text.casefold()))
        if key in said and len(key.split()) > 2:
            dropped.append(replace(item.sentence, citations=(), problems=("says again what was said",)))
        elif item.holds or policy == "flag" or (refusal(claim.text) and not item.sentence.problems):
            shown.append(_framed(item, [f for f in frame if frame_holds(f.text)]))
            frame = []
        else:
            dropped.append(item.sentence)
        said.add(key)
    return _answer(answer, shown, dropped, checked, policy)


def _above(frame: Sequence[Claim], heading: Claim) -> list[Claim]:
    """Of headings that nothing was left below of, those that the new one stands under."""
    level = _level(heading)
    return [claim for claim in frame if 0 < _level(claim) < level]


def _level(claim: Claim) -> int:
    return len(claim.text) - len(claim.text.lstrip("#"))


def _framed(item: Checked, frame: Sequence[Claim]) -> Shown:
    claim = item.claim
    pieces = [*frame, claim]
    text = pieces[0].text
    for piece in pieces[1:]:
        text += piece.gap + piece.text
    return Shown(
        replace(item.sentence, text=text),
        pieces[0].gap,
        is_row=claim.kind == "row",
        is_code=claim.kind == "code",
    )


def _answer(
    answer: Answer,
    shown: Sequence[Shown],
    dropped: list[Sentence],
    checked: Sequence[Checked],
    policy: Policy,
) -> Answer:
    refused = [s for s in dropped if s.problems != ("says again what was said",)]
    is_conflicting = any(item.is_conflicting for item in checked)
    if policy == "abstain" and (refused or is_conflicting):
        return abstained(answer, "conflicting" if is_conflicting else "unsupported", dropped)
    holds = any(s.sentence.citations for s in shown)
    refusals = [reason for s in shown if (reason := refusal(s.sentence.text))]
    correction = None
    if policy == "regenerate" and refused:
        correction = Correction(answer.text, refused=tuple(refused))
    if not holds and (policy != "flag" or len(refusals) == len(shown)):
        why = refusals[0] if refusals and not refused else "unsupported"
        return replace(abstained(answer, why, dropped), correction=correction)
    text = ""
    for item in shown:
        text = f"{text}{item.gap}{item.marked}" if text else item.marked
    return answer.with_(
        text=text,
        sentences=tuple(item.sentence for item in shown),
        dropped=tuple(dropped),
        correction=correction,
    )
