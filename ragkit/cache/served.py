"""A kept answer as the answer of whoever asks now."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ragkit.graph.trace import NodeTrace, Trace
from ragkit.types import Answer, QueryPlan, Usage

KeepTrace = Callable[[Trace], str]


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that was found.

    Args:
        answer: as it was made.
        by: its very question, or one that means the same.
        age_s: seconds since it was kept.
        cosine: of the two questions, where the wording was another.
    """

    answer: Answer
    by: Literal["result", "semantic"]
    age_s: float
    cosine: float | None = None


def served(hit: Hit, plan: QueryPlan, start_s: float, keep_trace: KeepTrace) -> Answer:
    """The answer of a hit, with the question of `plan`, a trace of its own, and what it took.

    A hit asks no model: its tokens and its cost are known, and are 0. Its seconds are those since `start_s`,
    on the clock of `time.perf_counter()`. The wording that was asked before is not shown: somebody else may
    have asked it.
    """
    seconds = time.perf_counter() - start_s
    facts: dict[str, object] = {"age_s": round(hit.age_s, 3), "made_in": hit.answer.trace_id}
    if hit.cosine is not None:
        facts["cosine"] = round(hit.cosine, 4)
    step = NodeTrace(
        "cache", f"cache/{hit.by}", start_s, seconds, n_out=len(hit.answer.sentences), facts=facts
    )
    answer = hit.answer
    context = answer.context
    if hit.by == "semantic":
        asked = plan
        context = None if context is None else replace(context, plan=plan)
    else:
        asked = replace(answer.plan, question=plan.question)
    return answer.with_(
        plan=asked,
        context=context,
        usage=Usage(seconds, input_tokens=0, output_tokens=0, usd=0.0),
        trace_id=keep_trace(Trace(secrets.token_hex(16), [step])),
        cached=hit.by,
    )
