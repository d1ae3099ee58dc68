"""`compress/llm`: a chat model names the sentences that are needed to answer; they are kept as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

from pydantic import Field

from ragkit.chat import ChatModel, Completion, Message
from ragkit.compress.extractive import ExtractiveCompress
from ragkit.compress.selection import ContextSentence, only, sentences_of, tokens_of, within
from ragkit.errors import BudgetError, ModelError
from ragkit.graph.asking import AskingSettings, read_json
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Collection, Resources
from ragkit.text.fence import fence_of, plain, source_of
from ragkit.text.template import Places, Template
from ragkit.types import Context

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"sentences": {"type": "array", "items": {"type": "integer"}}},
    "required": ["sentences"],
    "additionalProperties": False,
}
_LONGEST_WHY = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: the messages, and the sentences that they number from 1."""

    messages: tuple[Message, ...]
    sentences: tuple[ContextSentence, ...] = field(kw_only=True)


@stage("compress/llm")
class LlmCompress(Stage[Context, Context]):
    """Has a chat model name the sentences of a context that are needed, and keeps these.

    The model writes numbers, never text, so what is kept stands in the document, and can be cited. A number
    that is not there is passed over. Sentences are kept in the order in which the model names them until
    `budget_tokens` are reached; the first one is kept even if it alone exceeds them. Where the model fails or
    names none, `compress/extractive` selects in its place, and the answer says so in `degraded`. A context
    that fits is left as it is, and the model is not asked.

    >>> LlmCompress(llm="small", budget_tokens=600).config.budget_tokens
    600
    """

    class Config(AskingSettings):
        places: ClassVar[Places] = Places(("question", "passages", "fence"))
        budget_tokens: int = Field(1800, ge=1, description="Tokens (estimated) that the context may have.")
        context_tokens: int = Field(
            6000,
            ge=50,
            description="Tokens of sentences that the model is shown; the last ones are left out.",
        )

    config: Config
    collection: Collection
    model: ChatModel

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.own_template = self.config.own_template()
        self._extractive = ExtractiveCompress(budget_tokens=self.config.budget_tokens)

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = resources.chat_model(self.config.llm)
        self._extractive.setup(resources)

    async def run(self, context: Context, ctx: RunContext) -> Context:
        sentences = await in_thread(sentences_of, context, self.collection)
        if tokens_of(sentences) <= self.config.budget_tokens:
            return context
        request = await in_thread(self._request, context, sentences)
        try:
            done = await self.model.complete(
                request.messages,
                max_tokens=self.config.max_tokens,
                temperature=self.config.temperature,
                schema=SCHEMA,
            )
            self._note(done, context, ctx)
            named = read_numbers(done, len(request.sentences))
        except (ModelError, BudgetError, ValueError) as e:
            return await self._without(context, e, ctx)
        kept = within(self.config.budget_tokens, [request.sentences[i] for i in named])
        ctx.note(named=len(named), tokens_before=tokens_of(sentences), tokens_after=tokens_of(kept))
        return only(context, kept)

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it."""
        return self.template(question).text

    def messages(self, context: Context) -> tuple[Message, ...]:
        """What the model is asked for a context that is too long."""
        return self._request(context, sentences_of(context, self.collection)).messages

    def template(self, question: str = "") -> Template:
        """The prompt that is used for a question, with its places open."""
        return self.config.template(self.own_template, "ragkit.compress", "select", question)

    def _request(self, context: Context, sentences: Sequence[ContextSentence]) -> Request:
        shown = within(self.config.context_tokens, sentences)
        fence = fence_of(context.plan, context.passages)
        filling = {
            "question": " ".join(context.plan.understood.split()),
            "passages": _numbered(context, shown, fence),
            "fence": fence,
        }
        messages = self.template(context.plan.question).messages(filling)
        return Request(messages, sentences=tuple(shown))

    async def _without(self, context: Context, error: Exception, ctx: RunContext) -> Context:
        kind = f"{type(error).__name__}: " if isinstance(error, ModelError | BudgetError) else ""
        why = " ".join(f"{kind}{error}".split())[:_LONGEST_WHY]
        ctx.degrade(f"{ctx.trace.node}: selected sentences without the model: {why}")
        return await in_thread(self._extractive.run, context, ctx)

    def _note(self, done: Completion, context: Context, ctx: RunContext) -> None:
        ctx.note(
            model=done.model,
            finish_reason=done.finish_reason,
            attempts=done.attempts,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
            usd=done.usd,
            prompt=self.template(context.plan.question).fingerprint,
        )


def read_numbers(done: Completion, n: int) -> list[int]:
    """The sentences that a model named, as positions from 0, each once, in its order.

    Raises:
        ValueError: the reply is not of the schema, or none of its numbers is between 1 and `n`.

    >>> read_numbers(Completion('{"sentences": [3, 9, 3, 1]}', model="m", finish_reason="stop"), 4)
    [2, 0]
    """
    numbers = [int(number) for number in read_json(done, SCHEMA)["sentences"]]
    named = [number - 1 for number in dict.fromkeys(numbers) if 1 <= number <= n]
    if not named:
        raise ValueError(f"{done.model} named none of the {n} sentences")
    return named


def _numbered(context: Context, shown: Sequence[ContextSentence], fence: str) -> str:
    """The sentences by passage, each in one line, or its second line could be taken for another one."""
    parts = []
    numbers = iter(range(1, len(shown) + 1))
    for passage, sentences in groupby(shown, key=lambda sentence: sentence.passage):
        lines = [f"[{next(numbers)}] {plain(' '.join(s.read.text.split()))}" for s in sentences]
        n, source = passage + 1, plain(source_of(context.passages[passage]))
        parts.append("\n".join([f"<<passage {n} {fence}>>", source, *lines, f"<<end {n} {fence}>>"]))
    return "\n\n".join(parts)
