"""`generate/structured`: an answer as JSON of your schema, each value with its place in a document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator

from ragkit.chat import Completion, Message
from ragkit.errors import InvalidOutputError
from ragkit.generate.asked import usage_of
from ragkit.generate.cited import CitedGenerate, Request
from ragkit.generate.evidence import Leaf, chosen, is_stated, leaves, moved, quoted, without
from ragkit.graph.stage import RunContext, stage
from ragkit.graph.threads import in_thread
from ragkit.models.attempts import Spent
from ragkit.models.json_schema import json_in, json_problem
from ragkit.models.schema_support import schema_problem
from ragkit.text.template import Places
from ragkit.text.thoughts import without_thoughts
from ragkit.text.wording import why_nothing
from ragkit.types import AbstainReason, Answer, Citation, Context, Sentence

_EVIDENCE: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "place": {"type": "string"},
            "passage": {"type": "integer"},
            "quote": {"type": "string"},
        },
        "required": ["place", "passage", "quote"],
        "additionalProperties": False,
    },
}
_TABLES = ("$defs", "definitions")
# Asking again changes nothing here.
_ENDS = {"content_filter": "the provider's filter withheld it", "length": "it was cut. Raise max_tokens"}


@stage("generate/structured")
class StructuredGenerate(CitedGenerate):
    """Asks a chat model for JSON of a schema and, for each value, for a quote that states it.

    `answer.text` is the JSON, `answer.sentences` has a sentence for each value with its citation. JSON that
    breaks the schema is sent back once with what is wrong. A value holds where its quote stands in the
    passage and states it; a flag, or one of a list of choices, where its quote stands there. What does not
    hold is taken out, as far as the schema allows, else the answer is an abstention with reason
    `unsupported`. So no other check follows, and a citation is its passage's text character for character.

    Example:
        StructuredGenerate(llm=m, json_schema={"type": "object", "properties": {"price": {"type": "number"}}})
    """

    class Config(CitedGenerate.Config):
        places: ClassVar[Places] = Places(
            ("passages", "question", "schema", "fence"), ("language", "no_answer")
        )
        json_schema: dict[str, Any] | Path = Field(
            description="JSON Schema of the answer, or a file with it."
        )

        @field_validator("json_schema")
        @classmethod
        def _can_be_checked(cls, given: dict[str, Any] | Path) -> dict[str, Any]:
            schema = _read(given)
            problem = schema_problem(schema)
            if problem:
                raise ValueError(problem)
            return schema

    followed_by: ClassVar[str] = ""
    prompt_name: ClassVar[str] = "structured"
    config: Config

    def filling(self) -> dict[str, str]:
        """The schema of a whole reply."""
        return {"schema": json.dumps(self.reply_schema(), ensure_ascii=False)}

    def reply_schema(self) -> dict[str, Any]:
        """The schema of a reply: the data, or null, and the evidence."""
        schema = dict(self._schema)
        tables = {key: schema.pop(key) for key in _TABLES if key in schema}
        return {
            "type": "object",
            "properties": {"data": {"anyOf": [schema, {"type": "null"}]}, "evidence": dict(_EVIDENCE)},
            "required": ["data", "evidence"],
            "additionalProperties": False,
            **tables,
        }

    async def run(self, context: Context, ctx: RunContext) -> Answer:
        if not context.passages:
            return self._abstain(context, why_nothing(context.plan))
        request = await in_thread(self.request, context)
        done = await self._asked(request, ctx)
        self._note(request, context, done, ctx)
        usage = usage_of(done)
        reply = json_in(done.text)
        if reply["data"] is None:
            return self._abstain(request.context, "no_evidence", usage)
        return self._held(reply, request.context, ctx).with_(usage=usage)

    async def _asked(self, request: Request, ctx: RunContext) -> Completion:
        """A reply that is of the schema; the second one, where the first is not."""
        messages, schema = request.messages, self.reply_schema()
        spent = Spent()
        for is_last in (False, True):
            done = await self.model.complete(
                messages,
                max_tokens=self.config.max_tokens,
                temperature=self.config.temperature,
                schema=schema,
            )
            spent = spent.after(done)
            ctx.spend(usage_of(done))
            text = without_thoughts(done.text)
            problem = _ENDS.get(done.finish_reason) or json_problem(text, schema)
            if problem is None:
                return spent.bill(replace(done, text=text))
            if is_last or done.finish_reason in _ENDS:
                break
            wish = (
                f"This is not the JSON that was asked for: {problem}. Reply with the whole JSON, corrected."
            )
            messages = (*messages, Message("assistant", text or "…"), Message("user", wish))
        raise InvalidOutputError(f"{done.model}: no JSON of the schema: {problem}")

    def _held(self, reply: Mapping[str, Any], context: Context, ctx: RunContext) -> Answer:
        data, schema = reply["data"], self._schema
        held: list[tuple[Leaf, tuple[Citation, ...]]] = []
        refused: list[Sentence] = []
        # From the back, so that places in lists stay right while items go.
        for leaf in reversed(list(leaves(data))):
            cited, problem = self._cited(leaf, reply["evidence"], context)
            if problem is None:
                held.insert(0, (leaf, cited))
                continue
            refused.insert(0, Sentence(f"{leaf.place}: {leaf.value}", problems=(problem,)))
            n_items, data = _n_items(data, leaf), None if data is None else without(data, leaf.path, schema)
            if data is not None and _n_items(data, leaf) < n_items:
                held = [(Leaf(moved(one.path, leaf.path), value=one.value), c) for one, c in held]
        ctx.note(values=len(held) + len(refused), refused=[f"{s.text}: {s.problems[0]}" for s in refused])
        if data is None or not held:
            reason: AbstainReason = "unsupported" if refused else "no_evidence"
            return self._abstain(context, reason).with_(dropped=tuple(refused))
        sentences = [Sentence(f"{leaf.place}: {leaf.value}", citations=cited) for leaf, cited in held]
        return Answer(
            context.plan,
            text=json.dumps(data, ensure_ascii=False),
            sentences=tuple(sentences),
            context=context,
            dropped=tuple(refused),
            generator=self.use,
        )

    def _cited(
        self, leaf: Leaf, evidence: list[Mapping[str, Any]], context: Context
    ) -> tuple[tuple[Citation, ...], str | None]:
        given = [
            row for row in evidence if row["place"].removeprefix("$.").removeprefix("data.") == leaf.place
        ]
        found = [c for row in given if (c := quoted(context.passages, row["passage"], row["quote"]))]
        if not found:
            return (), "its quote stands in no such passage" if given else "no quote was given for it"
        if not chosen(self._schema, leaf.path):
            found = [c for c in found if is_stated(leaf.value, c.quote)]
        return tuple(found), None if found else "its quote does not state it"

    @property
    def _schema(self) -> dict[str, Any]:
        assert isinstance(self.config.json_schema, dict)
        return self.config.json_schema


def _n_items(data: Any, leaf: Leaf) -> int:
    """How long the list is that a leaf stands in; 0 where it stands in none."""
    if data is None or not leaf.path or not isinstance(leaf.path[-1], int):
        return 0
    for step in leaf.path[:-1]:
        data = data[step]
    return len(data)


def _read(given: dict[str, Any] | Path) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    try:
        schema = json.loads(given.read_text(encoding="utf-8"))
    except OSError as e:
        raise ValueError(f"{given}: cannot be read: {e.strerror}") from e
    except ValueError as e:
        raise ValueError(f"{given}: no JSON: {e}") from e
    if not isinstance(schema, dict):
        raise ValueError(f"{given}: expected a JSON Schema, which is a mapping")
    return schema
