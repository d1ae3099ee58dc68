"""A pipeline handed to workers elsewhere: what they are told, and how they open the same index again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ragkit.assembly import Assembly
from ragkit.config.load import load_config
from ragkit.config.recipe import asking_recipe
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.runner.ask import Asked, Asker
from ragkit.evaluation.runner.code import code_version
from ragkit.evaluation.runner.opened import Opened, set_up
from ragkit.evaluation.runner.outcome_json import outcome_of
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.places import read_places
from ragkit.evaluation.runner.stage_cache import StageCache
from ragkit.graph.sync import run_sync
from ragkit.types import Turn

Take = Callable[[Question, Asked], None]


@runtime_checkable
class AsksElsewhere(Protocol):
    """A place whose workers ask the questions of a run."""

    def held(self) -> AbstractContextManager[object]:
        """Keeps what is shared by several runs for the time of the block."""
        ...

    def ask(self, told: Mapping[str, Any], questions: Sequence[Question], take: Take) -> None:
        """Asks all questions.

        Args:
            told: what workers open the pipeline from, see `told_of`.
            questions: in the order in which they are begun.
            take: is given each outcome as soon as it is there, in this thread; what it raises ends the rest.
        """
        ...


def told_of(ready: Opened, folder: Path | None, cache: Path | None) -> dict[str, Any]:
    """What a worker must know of an opened pipeline, as plain values.

    Args:
        ready: the pipeline.
        folder: of the index that the harness made; None where the pipeline asks its own.
        cache: the file with the values of stages; None for none.

    Raises:
        ConfigError: the configuration holds secrets that no variable names, or objects of this process.
        EvalError: its filter cannot be written down.
    """
    pipeline = ready.pipeline
    try:
        filter_text = json.dumps(pipeline.filter)
    except TypeError as e:
        raise EvalError(f"pipeline {pipeline.name!r}: its filter cannot be handed to workers: {e}") from e
    return {
        "recipe": asking_recipe(ready.config),
        "pipeline": {
            "name": pipeline.name,
            "retriever": pipeline.retriever,
            "answers": pipeline.answers,
            "k": pipeline.k,
            "corpus": pipeline.corpus,
            "tenant": pipeline.tenant,
            "acl": pipeline.acl,
        },
        "filter": filter_text,
        "index": ready.index,
        "folder": None if folder is None else str(folder.absolute()),
        "cache": None if cache is None else str(cache.absolute()),
        "facts": facts_of(ready),
    }


def facts_of(ready: Opened) -> dict[str, Any]:
    """What must be the same wherever the questions are asked."""
    collection = ready.collection
    return {
        "code": code_version(),
        "embedder": collection.embedder.fingerprint,
        "analyzer": collection.analyzer.fingerprint,
        "stages": {name: key or "" for name, key in ready.keys.nodes.items()},
    }


class HandedAsker:
    """A pipeline opened anew from what was told of it.

    Example:
        with HandedAsker.opened(told) as asker:
            lines = asker.ask([{"id": "q1", "text": "How long is the warranty?", "history": []}])
    """

    def __init__(self, ready: Opened, cache: StageCache | None) -> None:
        self.facts = facts_of(ready)
        self._asker = Asker(ready, cache)

    @classmethod
    @contextmanager
    def opened(cls, told: Mapping[str, Any]) -> Iterator[HandedAsker]:
        """Opens it for the time of the block.

        Raises:
            EvalError: the index does not lie here.
            RagkitError: as opening it raises.
        """
        folder = None if told["folder"] is None else Path(told["folder"])
        if folder is not None and not folder.is_dir():
            raise EvalError(
                f"{folder} is not there: the index that the questions are asked of lies on the disk of the "
                "machine that made it. Run into a folder that all nodes share under the same path (--out)"
            )
        config = load_config(told["recipe"])
        given = told["pipeline"]
        pipeline = Pipeline(
            **{**given, "acl": None if given["acl"] is None else tuple(given["acl"])},
            filter=json.loads(told["filter"]),
            config=config,
        )
        parts = Assembly(config, create=False)
        places = {} if folder is None else read_places(folder)
        try:
            ready = set_up(pipeline, config, parts, index=told["index"], problems={}, places=places)
            kept = None if told["cache"] is None else StageCache(Path(told["cache"]), ready.keys)
            with kept or nullcontext():
                yield cls(ready, kept)
        finally:
            parts.close()

    def ask(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What came of some questions, as plain values, in their order."""
        questions = [_question(row) for row in rows]
        self._asker.prepare(questions)
        asked = [run_sync(self._asker.ask(question)) for question in questions]
        return [{"line": one.line, "executed": one.executed, "cached": one.cached} for one in asked]


def question_row(question: Question) -> dict[str, Any]:
    """What asking a question takes of it, as plain values."""
    history = [asdict(turn) for turn in question.history]
    return {"id": question.id, "text": question.text, "history": history}


def asked_of(answer: Mapping[str, Any]) -> Asked:
    """What came of a question, from what `HandedAsker.ask` gave."""
    return Asked(
        outcome_of(answer["line"]),
        line=answer["line"],
        executed=tuple(answer["executed"]),
        cached=tuple(answer["cached"]),
    )


def _question(row: Mapping[str, Any]) -> Question:
    history = tuple(Turn(**turn) for turn in row["history"])
    return replace(Question(row["id"], row["text"]), history=history)
