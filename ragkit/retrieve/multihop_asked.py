"""The rounds in which a chat model says what to search for next, and what they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import BudgetError, ModelError
from ragkit.graph.asking import AskingSettings, read_json
from ragkit.graph.stage import RunContext

NEXT_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"enough": {"type": "boolean"}, "query": {"type": "string"}},
    "required": ["enough", "query"],
    "additionalProperties": False,
}
_LONGEST_QUERY = 500
_LONGEST_WHY = 200


class Rounds:
    """Asks a model what to search for next, never for the same twice, and keeps count.

    Args:
        model: who is asked.
        settings: the stage's.
        question: what was searched for already.
    """

    def __init__(self, model: ChatModel, settings: AskingSettings, question: str) -> None:
        self.searched = [one_line(question)]
        self._model, self._settings = model, settings
        self._replies: list[Completion] = []
        self._failure: ModelError | BudgetError | None = None
        self._problem: str | None = None

    async def next_search(self, messages: Sequence[Message]) -> str | None:
        """What to search for; None where the model has enough, repeats itself, or fails."""
        try:
            done = await self._model.complete(
                messages,
                max_tokens=self._settings.max_tokens,
                temperature=self._settings.temperature,
                schema=NEXT_SCHEMA,
            )
        except (ModelError, BudgetError) as e:
            self._failure = e
            return None
        self._replies.append(done)
        try:
            reply = read_json(done, NEXT_SCHEMA)
        except ValueError as e:
            self._problem = f"{done.model}: {e}"
            return None
        query = one_line(reply["query"])
        known = {text.casefold() for text in self.searched}
        if reply["enough"] or not query or query.casefold() in known:
            return None
        self.searched.append(query)
        return query

    def told(self, ctx: RunContext) -> None:
        """Tells the trace what the rounds took, and the answer what went wrong.

        Raises:
            BudgetError: nothing could be paid. The graph says what is done without, and learns from it.
        """
        done = self._replies
        ctx.note(
            searches=self.searched[1:],
            model=done[0].model if done else self._model.name,
            calls=len(done) + (self._failure is not None),
            input_tokens=_sum([one.input_tokens for one in done]),
            output_tokens=_sum([one.output_tokens for one in done]),
            usd=_sum([one.usd for one in done]),
        )
        failure = self._failure
        if isinstance(failure, BudgetError) and not done:
            raise failure
        why = self._problem if failure is None else f"{type(failure).__name__}: {failure}"
        if why is not None:
            shown = " ".join(why.split())[:_LONGEST_WHY]
            ctx.degrade(f"{ctx.trace.node}: went on with what was found: {shown}")


def one_line(text: str) -> str:
    """A text to search with, in one line, without characters that cannot be stored or shown.

    >>> one_line(" Who \\n directed\\ud800 it? ")
    'Who directed it?'
    """
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * _LONGEST_QUERY])
    return " ".join(shown.split())[:_LONGEST_QUERY].rstrip()


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
