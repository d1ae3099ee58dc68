"""Which of two answers is better: asked in both orders, because judges favour a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.asking import Asking
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.judge import Judge, each
from ragkit.evaluation.judge.material import shown_pair
from ragkit.evaluation.judge.verdict import Bill, JudgeVerdict
from ragkit.evaluation.stats import Figure, mean_figure

Winner = Literal["system", "baseline", "tie"]


@dataclass(frozen=True, slots=True)
class Preference:
    """What a judge prefers for one question.

    Args:
        winner: None where one of the two verdicts failed.
        is_consistent: whether it said the same in both orders; where not, the winner is a tie.
        verdicts: with the baseline's answer first, and with the system's.

    >>> Preference.of(JudgeVerdict("first", score=1.0), JudgeVerdict("first", score=1.0)).winner
    'tie'
    """

    winner: Winner | None
    is_consistent: bool = field(kw_only=True)
    verdicts: tuple[JudgeVerdict, JudgeVerdict] = field(kw_only=True, repr=False)

    @classmethod
    def of(cls, forth: JudgeVerdict, back: JudgeVerdict) -> Preference:
        """From the verdict with the baseline's answer first and the one with the system's first."""
        if forth.score is None or back.score is None:
            return cls(None, is_consistent=False, verdicts=(forth, back))
        before, after = _winner(forth.label, "baseline", "system"), _winner(back.label, "system", "baseline")
        winner = before if before == after else "tie"
        return cls(winner, is_consistent=before == after, verdicts=(forth, back))

    @property
    def error(self) -> str | None:
        """Why there is no winner."""
        return next((verdict.error for verdict in self.verdicts if verdict.error), None)


def _winner(label: str | None, first: Winner, second: Winner) -> Winner:
    return {"first": first, "second": second}.get(label or "", "tie")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a judge prefers, over many questions.

    Args:
        by_question: all of them.
        rate: how often the system's answer is preferred, a tie counted half, with its interval.
        wins, losses, ties: of the system; `swayed` of the ties are questions on which the judge changed its
            mind with the order, `failed` more have no verdict.
        bill: what it took.
    """

    by_question: Mapping[str, Preference] = field(repr=False)
    rate: Figure = field(kw_only=True)
    wins: int = field(kw_only=True)
    losses: int = field(kw_only=True)
    ties: int = field(kw_only=True)
    swayed: int = field(kw_only=True)
    failed: int = field(kw_only=True)
    bill: Bill = field(kw_only=True)


async def prefer(
    baseline: Sequence[Case],
    system: Sequence[Case],
    judge: Judge,
    cache: ReplyCache | None = None,
    *,
    seed: int = 0,
) -> Preferences:
    """Compares the answers of two pipelines to the same questions; each pair is judged in both orders.

    Args:
        baseline, system: cases of the same questions, in any order; those without a partner are left out.
        judge: with `rubric="preferred"`, or one of your own that has `{first}` and `{second}`.
        cache: as for `judge_cases`.
        seed: of the interval.

    Raises:
        EvalError: the rubric compares nothing, no question is in both, or no pair could be judged.
        ModelAuthError: the model refuses the key.
    """
    if not {"first", "second"} <= judge.places:
        raise EvalError('this rubric does not compare two answers: use Judge(…, rubric="preferred")')
    partners = {case.question.id: case for case in system if case.outcome.reply is not None}
    pairs = [case for case in baseline if case.outcome.reply is not None and case.question.id in partners]
    if not pairs:
        raise EvalError("there is no question that both pipelines answered: nothing to compare")
    found: dict[str, Preference] = {}
    own = cache or ReplyCache(":memory:")
    asking = Asking(judge.model, own, max_tokens=judge.max_tokens, timeout_s=judge.timeout_s)

    async def compared(case: Case) -> None:
        rubric, other = judge.rubric_for(case.question.text), partners[case.question.id]
        forth = await asking.verdict(rubric, shown_pair(case, other))
        back = await asking.verdict(rubric, shown_pair(other, case))
        found[case.question.id] = Preference.of(forth, back)

    try:
        await each(pairs, compared, judge.concurrency)
    finally:
        if cache is None:
            own.close()
    return _summed({case.question.id: found[case.question.id] for case in pairs}, seed)


def _summed(found: Mapping[str, Preference], seed: int) -> Preferences:
    worth = {"system": 1.0, "tie": 0.5, "baseline": 0.0}
    winners = [preference.winner for preference in found.values() if preference.winner is not None]
    failed = len(found) - len(winners)
    if not winners:
        why = next(preference.error for preference in found.values())
        raise EvalError(f"the judge could compare none of {len(found):,} pairs: {why}")
    return Preferences(
        found,
        rate=mean_figure([worth[winner] for winner in winners], failed=failed, seed=seed),
        wins=winners.count("system"),
        losses=winners.count("baseline"),
        ties=winners.count("tie"),
        swayed=sum(p.winner is not None and not p.is_consistent for p in found.values()),
        failed=failed,
        bill=Bill.of(verdict for preference in found.values() for verdict in preference.verdicts),
    )
