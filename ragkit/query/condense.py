"""`query/condense`: a question of a conversation, searched for with what it leaves to the turns before it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.conversation import former_questions, last_answer
from ragkit.query.followup import has_own_word, leans
from ragkit.query.queries import clean, with_queries
from ragkit.text.asking import content_of
from ragkit.text.template import Places
from ragkit.types import Query, QueryPlan

# Weights of the former question and of the last answer, each with the question, against 1 for the question
# alone. Fitted on the conversations of MTRAG about IBM Cloud, and so that questions of SQuAD after a turn
# about something else lose no more than .01 of nDCG@10: evals/conversations.py.
LEANING: Final = (2.0, 0.6)
OTHERWISE: Final = (0.5, 0.15)
# What the question as it was asked still counts where a model has put it in other words.
AS_ASKED: Final = 0.3
ANSWER_CHARS = 1000
_WORD = re.compile(r"[^\W_][\w'-]*")


@stage("query/condense")
class CondenseQuery(QueryStage):
    """Searches for a question together with what the turns before it were about.

    With `llm`, a chat model words the question so that it stands alone; that is searched for, and the
    question as it was asked counts a little beside it.

    Without `llm`, rules do what they can: nothing is worded anew, but the former question and the last answer
    are searched for along with the question, as further queries. They count much where the question leans on
    them by its words ("And abroad?", "Сколько он стоит?"), else little. In the first case later stages, too,
    judge by the question with the former one's words beside it (`plan.understood`).

    A plan without a history is left as it is.

    >>> CondenseQuery().config.turns
    3
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question", "conversation"))
        turns: int = Field(
            3,
            ge=1,
            le=20,
            description="Former questions to look back at while each leans on the one before (without llm).",
        )

    prompt_name: ClassVar[str] = "condense"
    config: Config

    def concerns(self, plan: QueryPlan) -> bool:
        """Whether anything was said before."""
        return any(turn.text.strip() for turn in plan.history)

    def schema(self) -> Mapping[str, Any]:
        """One question."""
        return {
            "type": "object",
            "properties": {"question": {"type": "string"}},
            "required": ["question"],
            "additionalProperties": False,
        }

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Searches for the question that the model has worded."""
        standalone = clean(reply["question"])
        if not standalone:
            self.left(ctx, "the model gave no question")
            return plan
        if standalone.casefold() == clean(plan.question).casefold():
            return plan
        queries: list[Query] = []
        for query in plan.queries:
            is_asked = query.text == plan.question
            queries.append(replace(query, weight=query.weight * AS_ASKED) if is_asked else query)
        plan = replace(plan, queries=tuple(queries), standalone=standalone)
        return with_queries(plan, [standalone], name="condensed", weight=1.0)

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """Adds the former question and the last answer as queries."""
        is_leaning = leans(plan.question, self.collection.terms)
        former = self._former(plan)
        answer = last_answer(plan.history)[:ANSWER_CHARS]
        for_former, for_answer = LEANING if is_leaning else OTHERWISE
        ctx.note(leans=is_leaning, looked_back=len(former))
        searched = plan
        if former:
            together = " ".join((*former, plan.question))
            searched = with_queries(searched, [together], name="before", weight=for_former)
        if answer:
            searched = with_queries(searched, [f"{plan.question} {answer}"], name="answer", weight=for_answer)
        if not is_leaning or not former:
            return searched
        return replace(searched, standalone=clean(self._standalone(plan.question, former)))

    def _former(self, plan: QueryPlan) -> list[str]:
        """The former question, and those that it leans on itself, in the order they were asked in."""
        found: list[str] = []
        for question in former_questions(plan.history)[: self.config.turns]:
            found.insert(0, question)
            if not leans(question, self.collection.terms):
                break
        return found

    def _standalone(self, question: str, former: Sequence[str]) -> str:
        """The question with the former ones before it, or with their words where it asks in its own way."""
        if not has_own_word(question):
            return " ".join((*former, question))
        together = content_of(" ".join(former))
        content, own = set(self.collection.terms(together)), set(self.collection.terms(question))
        words = [
            word
            for word in dict.fromkeys(_WORD.findall(together))
            if (found := set(self.collection.terms(word))) & content and not found & own
        ]
        return f"{question} ({' '.join(words)})" if words else question
