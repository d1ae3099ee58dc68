"""What a judge says of one answer, read strictly: what cannot be read is a failure, never a score."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from ragkit.errors import InvalidOutputError
from ragkit.evaluation.judge.rubric import Rubric

_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a judge says of one answer.

    Either there is a `score`, or an `error` that says why there should be one and is not, or neither: then
    there was nothing to judge, such as an abstention's claims.

    Args:
        label: what the judge said.
        score: what that is worth, from 0 to 1.
        reason: the judge's own.
        error: why there is no verdict.
        calls: how often the model was asked, a repair included; 0 where the answer spoke for itself.
        cached: how many of these came from the cache.
        input_tokens, output_tokens, usd: of all calls; None where unknown.

    >>> JudgeVerdict(error="timeout").is_failed
    True
    """

    label: str | None = None
    score: float | None = field(default=None, kw_only=True)
    reason: str = field(default="", kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    calls: int = field(default=0, kw_only=True)
    cached: int = field(default=0, kw_only=True)
    input_tokens: int | None = field(default=None, kw_only=True)
    output_tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)

    @property
    def is_failed(self) -> bool:
        """Whether there should be a score and is none."""
        return self.error is not None


@dataclass(frozen=True, slots=True)
class Bill:
    """What judging took.

    Args:
        judged, failed, silent: answers with a score, with an error, with nothing to judge.
        calls, cached: how often a model was asked, and how many of these the cache answered.
        input_tokens, output_tokens, usd: None where one of the calls does not tell. What the cache answered
            is counted as it was when it was asked.

    >>> Bill.of([JudgeVerdict("yes", score=1.0, calls=1, usd=0.5), JudgeVerdict(error="?", calls=1)]).usd
    """

    judged: int
    failed: int = field(kw_only=True)
    silent: int = field(kw_only=True)
    calls: int = field(kw_only=True)
    cached: int = field(default=0, kw_only=True)
    input_tokens: int | None = field(kw_only=True)
    output_tokens: int | None = field(kw_only=True)
    usd: float | None = field(kw_only=True)

    def __str__(self) -> str:
        tokens = (
            "an unknown number of tokens"
            if self.input_tokens is None or self.output_tokens is None
            else f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out"
        )
        cost = "at an unknown cost" if self.usd is None else f"${self.usd:,.4f}"
        return f"{self.calls:,} calls of a model for {self.judged + self.failed:,} answers, {tokens}, {cost}"

    def plain(self) -> dict[str, int | float | None]:
        """For a report: without `cached`, so that a repeated run writes the same."""
        told = {key: value for key, value in asdict(self).items() if key != "cached"}
        return told if self.usd is None else {**told, "usd": round(self.usd, 9)}

    @classmethod
    def of(cls, verdicts: Iterable[JudgeVerdict]) -> Bill:
        """The sum of these."""
        verdicts = list(verdicts)
        asked = [verdict for verdict in verdicts if verdict.calls]
        return cls(
            sum(verdict.score is not None for verdict in verdicts),
            failed=sum(verdict.is_failed for verdict in verdicts),
            silent=sum(verdict.score is None and not verdict.is_failed for verdict in verdicts),
            calls=sum(verdict.calls for verdict in verdicts),
            cached=sum(verdict.cached for verdict in verdicts),
            input_tokens=total([verdict.input_tokens for verdict in asked]),
            output_tokens=total([verdict.output_tokens for verdict in asked]),
            usd=total([verdict.usd for verdict in asked]),
        )


Number = TypeVar("Number", int, float)


def total(counts: Iterable[Number | None]) -> Number | None:
    """The sum, or None where one of them is unknown."""
    known: list[Number] = []
    for count in counts:
        if count is None:
            return None
        known.append(count)
    return sum(known)


def read_verdict(text: str, rubric: Rubric) -> tuple[str, str]:
    """The label and the reason that a judge gave.

    The text is one JSON object of the rubric's schema; a fence of three backticks around it is allowed.

    Raises:
        InvalidOutputError: it is anything else.

    >>> from ragkit.evaluation.judge.rubric import built_in
    >>> read_verdict('{"reason": "same", "verdict": "yes"}', built_in("correct", "en"))
    ('yes', 'same')
    """
    bare = text.strip()
    fenced = _FENCED.fullmatch(bare)
    try:
        told = json.loads(fenced[1] if fenced else bare)
    except (ValueError, RecursionError) as e:
        raise InvalidOutputError(f"it is not one JSON object: {_shown(bare)}") from e
    if not isinstance(told, dict) or set(told) != {"reason", "verdict"}:
        raise InvalidOutputError(f"expected the keys reason and verdict and no other, got {_shown(bare)}")
    label, reason = told["verdict"], told["reason"]
    if label not in list(rubric.labels) or not isinstance(reason, str):
        raise InvalidOutputError(
            f"expected a verdict of {', '.join(rubric.labels)} and a reason, got {_shown(bare)}"
        )
    return label, reason


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
