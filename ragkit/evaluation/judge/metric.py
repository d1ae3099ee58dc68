"""A judge as a measure: asked about all cases first, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from ragkit.chat import ChatModel
from ragkit.errors import ConfigError, EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.judge import Judge, Progress, judge_cases
from ragkit.evaluation.judge.verdict import Bill, JudgeVerdict
from ragkit.evaluation.metrics.metric import Need, Unscored
from ragkit.settings import ChatModelRef, Settings


@dataclass(frozen=True)
class JudgeMetric:
    """The mean score of a judge. A verdict that failed is counted as failed for this measure alone.

    Args:
        name: `judge.correct`.
        judge: who judges.
        verdicts: by question; made by `asked`.

    >>> from ragkit.models.replay import ReplayChat
    >>> metric = JudgeMetric("judge.correct", judge=Judge(ReplayChat(folder="cassettes")))
    >>> sorted(metric.needs)
    ['answers', 'reply']
    """

    name: str
    judge: Judge = field(kw_only=True)
    verdicts: Mapping[str, JudgeVerdict] | None = field(default=None, kw_only=True, repr=False)

    @property
    def needs(self) -> frozenset[Need]:
        """What the judge is shown."""
        needs: set[Need] = {"reply"}
        if "gold" in self.judge.places:
            needs.add("answers")
        if "passages" in self.judge.places:
            needs.add("context")
        return frozenset(needs)

    async def asked(
        self, cases: Sequence[Case], cache: ReplyCache | None = None, *, progress: Progress | None = None
    ) -> JudgeMetric:
        """This measure with its verdicts on the cases, to measure them with.

        Raises:
            ModelAuthError: the model refuses the key.
            EvalError: the cache cannot be used.
        """
        verdicts = await judge_cases(cases, self.judge, cache, progress=progress)
        return replace(self, verdicts=verdicts)

    def of(self, case: Case) -> float | None:
        """The score; None where there was nothing to judge.

        Raises:
            Unscored: there is no verdict.
        """
        if self.verdicts is None or case.question.id not in self.verdicts:
            raise Unscored("the judge was not asked about it")
        verdict = self.verdicts[case.question.id]
        if verdict.error is not None:
            raise Unscored(verdict.error)
        return verdict.score

    @property
    def bill(self) -> Bill:
        """What judging took."""
        return Bill.of((self.verdicts or {}).values())


class JudgeSettings(Settings):
    """A judge as a suite writes it.

    >>> JudgeSettings(model="large").rubric
    'correct'
    """

    model: ChatModelRef = Field(description="Name of a chat model under `models:`.")
    rubric: str = Field(
        "correct", min_length=1, description="correct, grounded, relevant, or a file of your own (.yaml)."
    )
    language: Literal["auto", "en", "ru"] = Field("auto", description="Of our rubrics; auto: the question's.")
    concurrency: int = Field(8, ge=1, le=256, description="Questions asked at a time.")
    max_tokens: int = Field(512, ge=16, description="Of a verdict; reasoning models need more.")
    timeout_s: float | None = Field(None, gt=0.0, description="Seconds for one call.")


def of_settings(
    name: str,
    given: Mapping[str, object] | JudgeSettings,
    chat_model: Callable[[object], ChatModel],
    *,
    folder: Path = Path(),
) -> JudgeMetric:
    """The measure `judge.NAME` of a suite's `judges: {NAME: {model: …, rubric: …}}`.

    Args:
        name: the key under `judges`.
        given: what stands under it.
        chat_model: finds a chat model by its name, as `Assembly.chat_model`.
        folder: where the path of a rubric starts.

    Raises:
        ConfigError: settings are unknown or wrong, or there is no such model or rubric.
    """
    settings = given if isinstance(given, JudgeSettings) else JudgeSettings.checked(f"judges.{name}", given)
    is_file = settings.rubric.endswith((".yaml", ".yml"))
    try:
        judge = Judge(
            chat_model(settings.model),
            rubric=folder / settings.rubric if is_file else settings.rubric,
            language=settings.language,
            concurrency=settings.concurrency,
            max_tokens=settings.max_tokens,
            timeout_s=settings.timeout_s,
        )
    except EvalError as e:
        raise ConfigError(f"judges.{name}: {e}") from e
    return JudgeMetric(f"judge.{name}", judge=judge)
