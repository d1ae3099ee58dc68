"""What stages that ask a chat model about the question share: prompt, reply, and what may go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import ConfigError, ModelError
from ragkit.graph.stage import RunContext, Stage
from ragkit.models.json_schema import json_in, problems
from ragkit.protocols import Collection, Resources
from ragkit.query.conversation import as_json
from ragkit.settings import ChatModelRef, Settings
from ragkit.text.language import detect_language
from ragkit.text.template import Places, Template, built_in, load_template
from ragkit.text.thoughts import without_thoughts
from ragkit.types import QueryPlan

_LONGEST_WHY = 200
_ENDS = {
    "content_filter": "the provider's filter withheld the reply",
    "length": "the reply was cut at max_tokens",
}


class AskedSettings(Settings):
    """Settings of a stage that may ask a chat model."""

    # What a prompt of the stage must have, and may have.
    places: ClassVar[Places] = Places(("question",), ("conversation",))
    llm: ChatModelRef = Field(None, description="Name of the chat model under `models:`.")
    prompt: Path | None = Field(
        None, description="A prompt of your own; `ragkit prompt --node NAME` shows ours."
    )
    language: Literal["auto", "en", "ru"] = Field(
        "auto", description="Of the prompt: auto is Russian for Russian questions, else English."
    )
    max_tokens: int = Field(400, ge=1, description="Tokens that the model's reply may have.")
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="0 asks for the most likely text.")

    @field_validator("prompt")
    @classmethod
    def _is_a_prompt(cls, prompt: Path | None) -> Path | None:
        if prompt is not None:
            try:
                load_template(prompt, cls.places)
            except ConfigError as e:
                raise ValueError("; ".join(e.problems)) from e
        return prompt


class LlmSettings(AskedSettings):
    """Settings of a stage that does nothing without a chat model."""

    llm: ChatModelRef = Field(description="Name of the chat model under `models:`.")


class QueryStage(Stage[QueryPlan, QueryPlan]):
    """A stage that understands the question with a chat model, or by rules where none is named.

    The reply is JSON of a schema. A model that is down, is cut, or replies with something else leaves the
    plan as it was, and the answer says so in `degraded`. Whatever is replied, tenant, acl, commit, question
    and history stay, and the filter is never widened.
    """

    prompt_name: ClassVar[str] = ""
    config: AskedSettings
    collection: Collection
    model: ChatModel | None

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        prompt = self.config.prompt
        self.own_template = None if prompt is None else load_template(prompt, self.config.places)

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
        if self.own_template is not None:
            return self.own_template
        language = self.config.language
        told = detect_language(question) if language == "auto" else language
        return built_in("ragkit.query", self.prompt_name, told, self.config.places)

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
            return read_reply(done, self.schema())
        except ValueError as e:
            self.left(ctx, f"{done.model}: {e}")
            return None


def read_reply(done: Completion, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON object of a completion, also where words stand around it.

    Raises:
        ValueError: there is none, or it is not of the schema.

    >>> done = Completion('Here: {"a": 1}', model="m", finish_reason="stop")
    >>> read_reply(done, {"type": "object"})
    {'a': 1}
    """
    text = without_thoughts(done.text)
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json_in(text[start : end + 1] if 0 <= start < end else text)
    except ValueError as e:
        why = _ENDS.get(done.finish_reason)
        raise ValueError(why or f"the reply is no JSON: {e}") from e
    problem = next(problems(value, schema), None)
    if problem is None and not isinstance(value, Mapping):
        problem = "$: expected object"
    if problem is not None:
        raise ValueError(f"the reply is not what was asked for: {problem}")
    told: Mapping[str, Any] = value
    return told
