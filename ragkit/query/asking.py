"""What stages that ask a chat model about the question share: prompt, reply, and what may go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.chat import ChatModel, Message
from ragkit.errors import ModelError
from ragkit.graph.asking import AskingSettings, read_json
from ragkit.graph.stage import RunContext, Stage
from ragkit.protocols import Collection, Resources
from ragkit.query.conversation import as_json
from ragkit.settings import ChatModelRef
from ragkit.text.template import Places, Template
from ragkit.types import QueryPlan

_LONGEST_WHY = 200


class LlmSettings(AskingSettings):
    """Settings of a stage that does nothing without a chat model."""

    places: ClassVar[Places] = Places(("question",), ("conversation",))


class AskedSettings(LlmSettings):
    """Settings of a stage that may ask a chat model."""

    llm: ChatModelRef = Field(None, description="Name of the chat model under `models:`.")


class QueryStage(Stage[QueryPlan, QueryPlan]):
    """A stage that understands the question with a chat model, or by rules where none is named.

    The reply is JSON of a schema. A model that is down, is cut, or replies with something else leaves the
    plan as it was, and the answer says so in `degraded`. Whatever is replied, tenant, acl, commit, question
    and history stay, and the filter is never widened.
    """

    prompt_name: ClassVar[str] = ""
    config: LlmSettings
    collection: Collection
    model: ChatModel | None

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.own_template = self.config.own_template()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = None if self.config.llm is None else resources.chat_model(self.config.llm)

    async def run(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        if not self.concerns(plan):
            return plan
        if self.model is None:
            return await self.by_rules(plan, ctx)
        reply = await self._replied(self.model, plan, ctx)
        return plan if reply is None else self.by_model(plan, reply, ctx)

    def concerns(self, plan: QueryPlan) -> bool:
        """Whether there is anything to do for a plan."""
        return True

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """What comes of a plan where no chat model is named."""
        return plan

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """What comes of a plan by a reply that is of the schema."""
        raise TypeError(f"{type(self).__name__} has no by_model method")

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the reply."""
        raise TypeError(f"{type(self).__name__} has no schema method")

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """What else the prompt has places for."""
        return {}

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it."""
        return self.template(question).text

    def messages(self, plan: QueryPlan) -> tuple[Message, ...]:
        """What the model is asked for a plan."""
        told = {
            "question": plan.understood.strip(),
            "conversation": as_json(plan.history),
            **self.filling(plan),
        }
        return self.template(plan.question).messages(told)

    def template(self, question: str = "") -> Template:
        """The prompt that is used for a question, with its places open."""
        return self.config.template(self.own_template, "ragkit.query", self.prompt_name, question)

    def left(self, ctx: RunContext, why: str) -> None:
        """Says that the plan is left as it was, and why."""
        ctx.degrade(f"{ctx.trace.node}: left the question as it was: {' '.join(why.split())[:_LONGEST_WHY]}")

    async def _replied(self, model: ChatModel, plan: QueryPlan, ctx: RunContext) -> Mapping[str, Any] | None:
        try:
            done = await model.complete(
                self.messages(plan),
                max_tokens=self.config.max_tokens,
                temperature=self.config.temperature,
                schema=self.schema(),
            )
        except ModelError as e:
            self.left(ctx, f"{type(e).__name__}: {e}")
            return None
        ctx.note(
            model=done.model,
            finish_reason=done.finish_reason,
            attempts=done.attempts,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
            usd=done.usd,
            prompt=self.template(plan.question).fingerprint,
        )
        try:
            return read_json(done, self.schema())
        except ValueError as e:
            self.left(ctx, f"{done.model}: {e}")
            return None
