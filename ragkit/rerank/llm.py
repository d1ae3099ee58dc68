"""`rerank/llm`: a chat model reads the best passages and sets their order, or grades each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ragkit.chat import ChatModel, Message
from ragkit.graph.asking import AskingSettings
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Resources
from ragkit.rerank.llm_asked import Asked
from ragkit.rerank.llm_grades import GRADES_SCHEMA, TOP_GRADE, graded, in_places, scores_of
from ragkit.rerank.llm_order import ORDER_SCHEMA, windowed
from ragkit.text.fence import fence_of, fenced
from ragkit.text.template import Places, Template
from ragkit.text.tokens import count_tokens
from ragkit.types import Hit, Passage, QueryPlan, Ranking, Span


@stage("rerank/llm")
class LlmRerank(Stage[Ranking, Ranking]):
    """Has a chat model set the order of the best `candidates`, and keeps `k` hits.

    `listwise` shows it `window` passages at a time and has it name them from best to worst; more than these
    are read from the end, in windows that overlap, so that a good one climbs. `pointwise` has it grade each
    passage from 0 to 3; calls of `batch` passages run side by side, and equal grades keep their order.

    No hit is lost and none doubled, whatever the model replies. Where it fails, what it was to judge keeps
    its place, and the answer says so in `degraded`. Scores fall along the new order; the ones before are
    under `before_rerank`, and grades, from 0 to 1, under `rerank`.

    >>> LlmRerank(llm="small", mode="pointwise", candidates=30).calls
    6
    """

    class Config(AskingSettings):
        places: ClassVar[Places] = Places(("question", "passages", "fence"), ("count",))
        mode: Literal["listwise", "pointwise"] = Field(
            "listwise",
            description="listwise orders passages against each other, pointwise grades each by itself.",
        )
        k: int = Field(8, ge=1, description="Hits to keep.")
        candidates: int = Field(
            20, ge=1, le=200, description="Hits to read at most; those further down stay behind them."
        )
        window: int = Field(20, ge=2, le=100, description="listwise: passages in a call.")
        step: int = Field(10, ge=1, description="listwise: passages by which the next window is further up.")
        batch: int = Field(5, ge=1, le=50, description="pointwise: passages in a call.")
        at_once: int = Field(4, ge=1, le=64, description="pointwise: calls that run side by side at most.")
        least_grade: int = Field(
            0, ge=0, le=3, description="pointwise: passages graded lower are dropped; 0 keeps all."
        )
        passage_tokens: int = Field(
            300, ge=20, description="Tokens of a passage that are shown; the rest is cut."
        )

        @model_validator(mode="after")
        def _windows_overlap(self) -> LlmRerank.Config:
            if self.step > self.window:
                raise ValueError(
                    f"step is {self.step} and window {self.window}: passages between two windows would not "
                    "be read. Give a step of at most window, such as half of it"
                )
            return self

    config: Config
    model: ChatModel

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.own_template = self.config.own_template()

    def setup(self, resources: Resources) -> None:
        self.model = resources.chat_model(self.config.llm)

    @property
    def calls(self) -> int:
        """How often the model is asked at most for one question."""
        c = self.config
        if c.mode == "pointwise":
            return -(-c.candidates // c.batch)
        return 1 + -(-max(0, c.candidates - c.window) // c.step)

    async def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        read, rest = ranking.hits[: self.config.candidates], ranking.hits[self.config.candidates :]
        if len(read) < 2 and not (read and self.config.least_grade):
            return Ranking(ranking.plan, ranking.hits[: self.config.k])
        is_listed = self.config.mode == "listwise"
        asked = Asked(
            self.model,
            self.config,
            lambda hits: self._messages(ranking.plan, hits),
            ORDER_SCHEMA if is_listed else GRADES_SCHEMA,
        )
        made = await (self._ordered if is_listed else self._graded)(read, rest, asked)
        ctx.note(prompt=self.template(ranking.plan.question).fingerprint)
        asked.told(ctx)
        # Scores of an order that was left are left, too: later stages read them.
        hits = made if asked.n_used else ranking.hits
        return Ranking(ranking.plan, hits[: self.config.k])

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it."""
        return self.template(question).text

    def messages(self, ranking: Ranking) -> tuple[Message, ...]:
        """What the model is asked first for a ranking."""
        hits = ranking.hits[: self.config.candidates]
        c = self.config
        shown = hits[: c.batch] if c.mode == "pointwise" else hits[max(0, len(hits) - c.window) :]
        return self._messages(ranking.plan, shown)

    def template(self, question: str = "") -> Template:
        """The prompt that is used for a question, with its places open."""
        return self.config.template(self.own_template, "ragkit.rerank", self.config.mode, question)

    def _messages(self, plan: QueryPlan, hits: Sequence[Hit]) -> tuple[Message, ...]:
        passages = [_shortened(hit, self.config.passage_tokens) for hit in hits]
        fence = fence_of(plan, passages)
        return self.template(plan.question).messages(
            {
                "question": " ".join(plan.understood.split()),
                "passages": fenced(passages, fence),
                "fence": fence,
                "count": str(len(passages)),
            }
        )

    async def _ordered(self, read: tuple[Hit, ...], rest: tuple[Hit, ...], asked: Asked) -> tuple[Hit, ...]:
        order = await windowed(read, asked, window=self.config.window, step=self.config.step)
        return tuple(_rescored(hit, 1.0 / (1.0 + n)) for n, hit in enumerate((*order, *rest)))

    async def _graded(self, read: tuple[Hit, ...], rest: tuple[Hit, ...], asked: Asked) -> tuple[Hit, ...]:
        found = await graded(read, asked, batch=self.config.batch, at_once=self.config.at_once)
        hits, grades = (*read, *rest), [*found, *[None] * len(rest)]
        order = in_places(grades)
        scores = scores_of([grades[i] for i in order])
        return tuple(
            _rescored(hits[i], score, grades[i])
            for i, score in zip(order, scores, strict=True)
            if not _is_below(grades[i], self.config.least_grade)
        )


def _is_below(grade: int | None, least: int) -> bool:
    return grade is not None and grade < least


def _rescored(hit: Hit, score: float, grade: int | None = None) -> Hit:
    told = {} if grade is None else {"rerank": grade / TOP_GRADE}
    return Hit(hit.chunk, score, scores={**hit.scores, "before_rerank": hit.score, **told})


def _shortened(hit: Hit, tokens: int) -> Passage:
    """The passage, or about so many tokens from its start, whole words."""
    text, span = hit.chunk.text, hit.chunk.span
    n_tokens = count_tokens(text)
    if n_tokens <= tokens:
        return Passage(hit, (span,))
    end = len(text) * tokens // n_tokens
    end = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) if " " in text[:end] else end
    return Passage(hit, (Span(span.start, span.start + end),))
