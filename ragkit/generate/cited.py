"""`generate/cited`: any chat model answers from the passages and cites them by number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ragkit.chat import ChatModel, Completion, Message
from ragkit.generate.asked import asked, usage_of
from ragkit.generate.budget import Count, counter, fitting_passages, fitting_turns
from ragkit.generate.reply import NO_ANSWER, read_reply
from ragkit.graph.asking import AskingSettings
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Collection, Resources
from ragkit.text.fence import fence_of, fenced
from ragkit.text.language import detect_language
from ragkit.text.language_names import question_language
from ragkit.text.relevance import kept_sentences
from ragkit.text.template import Places, Template
from ragkit.text.wording import abstention, why_nothing
from ragkit.types import AbstainReason, Answer, Context, Turn, Usage

PLACES = Places(("passages", "question", "no_answer", "fence"), ("language",))
# A marker of an earlier answer points to passages that are not there any more.
_MARKER = re.compile(r"\s*\[\d{1,3}(?:[,;\s\-–]+\d{1,3})*\]")


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: the messages, and the context whose passages they number from 1."""

    messages: tuple[Message, ...]
    context: Context
    turns: tuple[Turn, ...] = field(default=(), kw_only=True)


@stage("generate/cited")
class CitedGenerate(Stage[Context, Answer]):
    """Asks a chat model to answer from the passages alone, each sentence with their numbers: `[1]`.

    What it gives is the model's text with the markers unchecked. A stage `verify/citations` must follow,
    which makes checked citations of them; a graph without one is refused.

    The passages are cut to `context_tokens`, numbered in order, and each stands between two lines that no
    document can write. The answer is in the question's language. Where the passages hold no answer the model
    says a fixed word, and the answer is an abstention with reason `no_evidence`; without any passage the
    model is not asked. A model that is down, withholds its answer or says nothing is an error, never an
    abstention. Where the answer is streamed, the text is told as it comes.

    Example:
        CitedGenerate(llm=OpenAIChat(base_url="http://localhost:8000/v1", model="qwen3-8b"))
    """

    class Config(AskingSettings):
        # What a prompt of this stage must have.
        places: ClassVar[Places] = PLACES
        language: Literal["auto", "en", "ru"] = Field(
            "auto",
            description="Of the prompt: auto is Russian for Russian questions, else English. "
            "The answer is in the question's language.",
        )
        context_tokens: int = Field(
            4000, ge=50, description="Tokens that the passages may have; those that score least go."
        )
        history_tokens: int = Field(
            1000, ge=0, description="Tokens that earlier turns may have; the first ones go."
        )
        max_tokens: int = Field(800, ge=1, description="Tokens that the answer may have.")
        tokenizer: Path | None = Field(
            None, description="tokenizer.json of the model, for exact counts; else they are on the safe side."
        )

    followed_by: ClassVar[str] = "verify"
    prompt_name: ClassVar[str] = "cited"
    config: Config
    collection: Collection
    model: ChatModel
    count: Count

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.own_template = self.config.own_template()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = resources.chat_model(self.config.llm)
        self.count = counter(self.config.tokenizer)

    async def run(self, context: Context, ctx: RunContext) -> Answer:
        if not context.passages:
            return self._abstain(context, why_nothing(context.plan))
        request = await in_thread(self.request, context)
        draft = Answer(context.plan, text="", context=request.context, generator=self.use)
        done = await asked(self.model, request.messages, draft, self.config, ctx)
        self._note(request, context, done, ctx)
        reply, usage = read_reply(done), usage_of(done)
        if reply.kind == "abstention":
            return self._abstain(request.context, "no_evidence", usage)
        if reply.kind == "part":
            ctx.degrade(f"{ctx.trace.node}: the answer was cut at max_tokens")
        return draft.with_(text=reply.text, usage=usage)

    def request(self, context: Context) -> Request:
        """What the model is asked for a context, and the context that is left within the budget."""
        plan = context.plan
        passages = fitting_passages(
            context.passages,
            self.config.context_tokens,
            count=self.count,
            sentences=lambda passage: kept_sentences(passage, self.collection),
        )
        turns = fitting_turns(plan.history, self.config.history_tokens, count=self.count)
        fence = fence_of(replace(plan, history=turns), passages)
        filling = {
            "passages": fenced(passages, fence),
            "question": plan.question.strip(),
            "no_answer": NO_ANSWER,
            "fence": fence,
            "language": question_language(plan.question),
            **self.filling(),
        }
        *system, user = self.template(plan.question).messages(filling)
        return Request((*system, *map(_said, turns), user), Context(plan, passages), turns=turns)

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it."""
        return self.template(question).text

    def messages(self, context: Context) -> tuple[Message, ...]:
        """What the model is asked for a context."""
        return self.request(context).messages

    def template(self, question: str = "") -> Template:
        """The prompt that is used for a question, with its places open."""
        return self.config.template(self.own_template, "ragkit.generate", self.prompt_name, question)

    def filling(self) -> dict[str, str]:
        """What else the prompt of a stage of this kind has places for."""
        return {}

    def _note(self, request: Request, context: Context, done: Completion, ctx: RunContext) -> None:
        ctx.note(
            model=done.model,
            finish_reason=done.finish_reason,
            attempts=done.attempts,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
            usd=done.usd,
            passages=len(request.context.passages),
            passages_left_out=len(context.passages) - len(request.context.passages),
            turns=len(request.turns),
            prompt=self.template(context.plan.question).fingerprint,
        )

    def _abstain(self, context: Context, reason: AbstainReason, usage: Usage | None = None) -> Answer:
        return Answer(
            context.plan,
            text=abstention(reason, detect_language(context.plan.question)),
            context=context,
            abstained=True,
            reason=reason,
            generator=self.use,
            usage=usage or Usage(),
        )


def _said(turn: Turn) -> Message:
    return Message(turn.role, turn.text if turn.role == "user" else _MARKER.sub("", turn.text))
