"""A language model as the judge of answers: asked about each case once, with its failures counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import anyio

from ragkit.chat import ChatModel
from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.asking import Asking
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.material import foregone, material
from ragkit.evaluation.judge.rubric import Rubric, built_in, load_rubric
from ragkit.evaluation.judge.verdict import JudgeVerdict
from ragkit.text.language import detect_language

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judge:
    """Who judges, by which rubric.

    Args:
        model: any chat model; temperature 0 makes its verdicts repeatable, as far as it goes.
        rubric: the name of one of ours (`correct`: says the answer what the accepted ones say; `grounded`:
            do the passages bear it out; `relevant`: does it address the question), the path of a file of your
            own, or one that is read.
        language: of our rubrics; `auto` takes that of each question.
        concurrency: how many questions are asked at a time.
        max_tokens: of a verdict; reasoning models need more.
        timeout_s: for one call; None as the model is configured.

    >>> from ragkit.models.replay import ReplayChat
    >>> Judge(ReplayChat(folder="cassettes"), rubric="grounded").places == {"question", "answer", "passages"}
    True
    """

    model: ChatModel
    rubric: str | Path | Rubric = field(default="correct", kw_only=True)
    language: Literal["auto", "en", "ru"] = field(default="auto", kw_only=True)
    concurrency: int = field(default=8, kw_only=True)
    max_tokens: int = field(default=512, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.max_tokens < 1:
            raise EvalError("a judge: concurrency and max_tokens must be 1 or more")
        _ = self.places

    @cached_property
    def places(self) -> frozenset[str]:
        """What the judge is shown."""
        return self.rubric_for("").places

    def rubric_for(self, text: str) -> Rubric:
        """The rubric for a question, in its language where there is one.

        Raises:
            EvalError: there is no such rubric.
        """
        if isinstance(self.rubric, Rubric):
            return self.rubric
        if isinstance(self.rubric, Path) or self.rubric.endswith((".yaml", ".yml")):
            return self._own
        language = detect_language(text) if self.language == "auto" else self.language
        return built_in(self.rubric, language)

    @cached_property
    def _own(self) -> Rubric:
        return load_rubric(Path(str(self.rubric)))


async def judge_cases(
    cases: Sequence[Case],
    judge: Judge,
    cache: ReplyCache | None = None,
    *,
    progress: Progress | None = None,
) -> dict[str, JudgeVerdict]:
    """The verdict on each case by question id, in the order of the cases.

    A reply that cannot be read is asked for once more. What then has no verdict has an `error`; it is never a
    score. Equal cases are asked about once.

    Args:
        cases: of pipelines that came to their end.
        judge: who judges.
        cache: where replies are kept. With the same cache, the same cases cost nothing.
        progress: called after each case with how many are done, and of how many.

    Raises:
        ModelAuthError: the model refuses the key, which no later case would change.
        EvalError: the cache cannot be used.
    """
    if "first" in judge.places:
        raise EvalError("this rubric compares two answers: use judge.prefer")
    found: dict[str, JudgeVerdict] = {}
    own = cache or ReplyCache(":memory:")

    async def judged(case: Case) -> None:
        known = foregone(case, judge.places)
        found[case.question.id] = known or await _asked(case, judge, asking)
        if progress is not None:
            progress(len(found), len(cases))

    asking = Asking(judge.model, own, max_tokens=judge.max_tokens, timeout_s=judge.timeout_s)
    try:
        await each(cases, judged, judge.concurrency)
    finally:
        if cache is None:
            own.close()
    return {case.question.id: found[case.question.id] for case in cases}


async def _asked(case: Case, judge: Judge, asking: Asking) -> JudgeVerdict:
    rubric = judge.rubric_for(case.question.text)
    try:
        shown: Mapping[str, str] = material(case, rubric.places)
    except EvalError as e:
        return JudgeVerdict(error=str(e))
    return await asking.verdict(rubric, shown)


async def each(cases: Sequence[Case], do: Callable[[Case], Awaitable[None]], at_a_time: int) -> None:
    """Does something with every case, a few at a time; the first error ends it, and is raised as it is."""
    failed: list[Exception] = []
    waiting: Iterator[Case] = iter(cases)

    async def work() -> None:
        for case in waiting:
            if failed:
                return
            try:
                await do(case)
            except Exception as e:
                failed.append(e)

    async with anyio.create_task_group() as group:
        for _ in range(min(at_a_time, len(cases))):
            group.start_soon(work)
    if failed:
        raise failed[0]
