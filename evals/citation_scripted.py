"""A chat model that sends what it is told to, and the stages that make an answer of what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from ragkit.chat import Completion, Delta, FinishReason, Message
from ragkit.errors import ModelUnavailableError, RagkitError
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.structured import StructuredGenerate
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.types import Answer, Context
from ragkit.verify.citations import VerifyCitations


class Reply(Protocol):
    """What the model is to send; `error` as the reason breaks the connection after the text."""

    @property
    def text(self) -> str: ...
    @property
    def finish_reason(self) -> str: ...


class ScriptedModel:
    """Sends the reply it was given last, however often it is asked."""

    name = fingerprint = "scripted"
    reply: Reply

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        if self.reply.finish_reason == "error":
            raise ModelUnavailableError("scripted: the connection broke in the middle of the answer")
        reason = cast("FinishReason", self.reply.finish_reason)
        return Completion(self.reply.text, model=self.name, finish_reason=reason)

    async def stream(self, messages: Sequence[Message], **_: Any) -> AsyncGenerator[Delta | Completion, None]:
        for start in range(0, len(self.reply.text), 7):
            yield Delta(self.reply.text[start : start + 7])
        yield await self.complete(messages)


@dataclass
class Machine:
    """`generate/cited` or `generate/structured` over a scripted model, and `verify/citations`, set up."""

    verify: VerifyCitations
    cited: CitedGenerate
    structured: StructuredGenerate
    model: ScriptedModel = field(repr=False)

    @classmethod
    def of(cls, resources: Resources, verify: VerifyCitations, schema: Mapping[str, Any]) -> Machine:
        """A machine over what these resources have; `verify` is set up already."""
        model = ScriptedModel()
        limits = {"context_tokens": 50_000}
        made = cls(
            verify,
            CitedGenerate(llm=model, **limits),
            StructuredGenerate(llm=model, json_schema=dict(schema), **limits),
            model,
        )
        made.cited.setup(resources)
        made.structured.setup(resources)
        return made

    def answer(self, context: Context, reply: Reply, *, is_json: bool = False) -> Answer | RagkitError:
        """The checked answer, or the typed error that takes its place."""
        self.model.reply = reply
        ctx = RunContext(NodeTrace("node", "test/node"))
        try:
            stage = self.structured if is_json else self.cited
            answer = asyncio.run(stage.run(context, ctx))
        except RagkitError as error:
            return error
        # `generate/structured` checks its values itself: their sentences are no prose.
        return answer if is_json else self.verify.run(answer, ctx)
