"""Metrics of other libraries, such as those of ragas: asked about all cases first, then looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from ragkit import registry
from ragkit.chat import ChatModel
from ragkit.errors import EvalError, ModelAuthError, ModelError, RagkitError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.cached_chat import CachedChat, begin
from ragkit.evaluation.judge.judge import Progress, each
from ragkit.evaluation.judge.material import passages
from ragkit.evaluation.judge.once import Tally
from ragkit.evaluation.judge.verdict import Bill, JudgeVerdict
from ragkit.evaluation.metrics.metric import Need, Unscored
from ragkit.evaluation.metrics.wording import said
from ragkit.protocols import Embedder


@runtime_checkable
class Scorer(Protocol):
    """One metric of another library, for one answer. A connector gives it."""

    @property
    def name(self) -> str:
        """`ragas.faithfulness`."""
        ...

    @property
    def shown(self) -> frozenset[str]:
        """What it must be given: of question, answer, passages and reference."""
        ...

    async def score(
        self, *, question: str = "", answer: str = "", passages: Sequence[str] = (), reference: str = ""
    ) -> float:
        """A finite number.

        Raises:
            ModelError: there is none.
        """
        ...


@dataclass(frozen=True)
class ExternalMetric:
    """The mean of another library's metric. What it cannot score is counted as failed for it alone.

    Abstentions and questions without an accepted answer, where one is needed, say nothing.

    Args:
        name: of the column.
        library: `ragas`; `metric` is its metric's name there.
        model, embedder: what it asks and embeds with.
        concurrency: how many questions are asked about at a time.
        verdicts, tally: made by `asked`.

    Example:
        metric = await load_metric("ragas.faithfulness", model=model).asked(cases)
    """

    name: str
    library: str = field(kw_only=True)
    metric: str = field(kw_only=True)
    model: ChatModel | None = field(default=None, kw_only=True, repr=False)
    embedder: Embedder | None = field(default=None, kw_only=True, repr=False)
    concurrency: int = field(default=8, kw_only=True)
    verdicts: Mapping[str, JudgeVerdict] | None = field(default=None, kw_only=True, repr=False)
    tally: Tally = field(default_factory=Tally, kw_only=True, repr=False)

    def scorer(self, model: ChatModel | None = None) -> Scorer:
        """The connector's own object, with another model where one is given.

        Raises:
            ConfigError: there is no such metric, or it lacks a model or an embedder.
            MissingExtraError: its package is not installed.
        """
        made = registry.load(f"metric/{self.library}")(
            metric=self.metric, model=model or self.model, embedder=self.embedder
        )
        if not isinstance(made, Scorer):
            raise EvalError(f"{self.name}: metric/{self.library} gives no scorer, but {type(made).__name__}")
        return made

    @property
    def needs(self) -> frozenset[Need]:
        """What the metric is shown."""
        shown = self.scorer().shown
        needs: set[Need] = {"reply"} if "answer" in shown else set()
        if "passages" in shown:
            needs.add("context")
        if "reference" in shown:
            needs.add("answers")
        return frozenset(needs)

    async def asked(
        self, cases: Sequence[Case], cache: ReplyCache | None = None, *, progress: Progress | None = None
    ) -> ExternalMetric:
        """This metric with its values for the cases, to measure them with.

        Raises:
            MissingExtraError: the library is not installed.
            ModelAuthError: the model refuses the key.
        """
        found: dict[str, JudgeVerdict] = {}
        own, tally = cache or ReplyCache(":memory:"), Tally()
        scorer = self.scorer(self.model and CachedChat(self.model, own, tally=tally))

        async def scored(case: Case) -> None:
            begin()
            found[case.question.id] = await _verdict(case, scorer)
            if progress is not None:
                progress(len(found), len(cases))

        try:
            await each(cases, scored, self.concurrency)
        finally:
            if cache is None:
                own.close()
        verdicts = {case.question.id: found[case.question.id] for case in cases}
        return replace(self, verdicts=verdicts, tally=tally)

    def of(self, case: Case) -> float | None:
        """The value; None where there was nothing to score.

        Raises:
            Unscored: there is no value.
        """
        verdict = (self.verdicts or {}).get(case.question.id)
        if verdict is None:
            raise Unscored(f"{self.library} was not asked about it")
        if verdict.error is not None:
            raise Unscored(verdict.error)
        return verdict.score

    @property
    def bill(self) -> Bill:
        """What it took."""
        bill = Bill.of((self.verdicts or {}).values())
        spent = self.tally
        return replace(
            bill,
            calls=spent.calls,
            cached=spent.cached,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            usd=spent.usd,
        )


def load_metric(
    name: str, *, model: ChatModel | None = None, embedder: Embedder | None = None, concurrency: int = 8
) -> ExternalMetric:
    """The metric of another library by its name, `ragas.faithfulness`.

    Args:
        name: the library's and the metric's.
        model: any chat model, for metrics that ask one.
        embedder: for metrics that compare texts by meaning.
        concurrency: how many questions are asked about at a time.

    Raises:
        ConfigError: there is no such library or metric, or it lacks a model or an embedder.
        MissingExtraError: its package is not installed.
    """
    library, _, metric = name.partition(".")
    made = ExternalMetric(
        name, library=library, metric=metric, model=model, embedder=embedder, concurrency=concurrency
    )
    made.scorer()
    return made


async def _verdict(case: Case, scorer: Scorer) -> JudgeVerdict:
    reply, shown, question = case.outcome.reply, scorer.shown, case.question
    if "answer" in shown and (reply is None or reply.abstained):
        return JudgeVerdict()
    if "reference" in shown and not question.answers:
        return JudgeVerdict()
    try:
        read = passages(case) if "passages" in shown else ()
    except EvalError as e:
        return JudgeVerdict(error=str(e))
    try:
        score = await scorer.score(
            question=question.text,
            answer="" if reply is None else said(reply),
            passages=read,
            reference=question.answers[0] if question.answers else "",
        )
    except ModelAuthError:
        raise
    except Exception as e:
        if isinstance(e, RagkitError) and not isinstance(e, ModelError):
            raise
        return JudgeVerdict(error=f"{type(e).__name__}: {e}")
    if not math.isfinite(score):
        return JudgeVerdict(error=f"{scorer.name} gave {score!r}")
    return JudgeVerdict(score=score)
