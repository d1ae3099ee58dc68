"""A pipeline over a dataset: every question is asked, and what comes of it is on disk at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError

from ragkit.config.spec import Config
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.outcome import Outcome, StageRuns, Timing
from ragkit.evaluation.runner.ask import Asked, Asker
from ragkit.evaluation.runner.code import code_version, source_version
from ragkit.evaluation.runner.flight import asked_all
from ragkit.evaluation.runner.handed import AsksElsewhere, told_of
from ragkit.evaluation.runner.journal import Journal
from ragkit.evaluation.runner.lock import locked
from ragkit.evaluation.runner.opened import Opened, opened
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.progress import shown
from ragkit.evaluation.runner.stage_cache import StageCache
from ragkit.evaluation.runner.timing import TIMINGS, read_timings, spread, timed, write_timings
from ragkit.graph.sync import run_sync
from ragkit.ingest.progress import Progress
from ragkit.models.workers import usable_cores

MAX_ERROR_RATE = 0.1
TIMING_N = 50
_ERRORS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """What a pipeline made of a dataset.

    Args:
        outcomes: by question, in the dataset's order; those with an error are among them.
        timings: by question that was timed.
        graph: the nodes that were run, in order: name and registered name.
        stage_runs: by node, in the order of the graph. Questions whose outcomes were there already from an
            earlier attempt (`resumed`) are in neither count.
        resumed: how many outcomes an interrupted run had left.
        problems: documents that could not be ingested: id and reason.

    >>> run = PipelineRun({"q1": Outcome("q1", error="StoreError: down")}, graph=())
    >>> run.failed
    {'q1': 'StoreError: down'}
    """

    outcomes: Mapping[str, Outcome] = field(repr=False)
    timings: Mapping[str, Timing] = field(default_factory=dict, kw_only=True, repr=False)
    graph: tuple[tuple[str, str], ...] = field(kw_only=True)
    stage_runs: Mapping[str, StageRuns] = field(default_factory=dict, kw_only=True)
    resumed: int = field(default=0, kw_only=True)
    problems: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong, by question that failed."""
        return {id_: outcome.error for id_, outcome in self.outcomes.items() if outcome.error}


def run_pipeline(
    pipeline: Pipeline,
    dataset: Dataset,
    *,
    folder: Path,
    cache: Path,
    questions: Sequence[str] | None = None,
    resume: bool = False,
    concurrency: int | None = None,
    progress: bool | Progress = False,
    max_error_rate: float = MAX_ERROR_RATE,
    timing_n: int = TIMING_N,
    stage_cache: bool = True,
    on: AsksElsewhere | None = None,
) -> PipelineRun:
    """Asks a pipeline every question of a dataset.

    The outcomes are the same whatever the concurrency, however often it was interrupted, and whatever was
    cached. Latency is measured apart, over `timing_n` questions asked alone and without caches.

    Args:
        pipeline: what is asked.
        dataset: whose documents are indexed, unless the pipeline has its own, and whose questions are asked.
        folder: where the outcomes are written.
        cache: where indexes and values of stages are kept; any number of runs share it.
        questions: ids of those to ask; None for all that are judged or cannot be answered.
        resume: whether to go on from what is in the folder. Questions that failed are asked again.
        concurrency: questions under way at once; None for as many as there are cores.
        progress: a bar on a terminal, a function of yours, or False.
        max_error_rate: the share of the questions that may fail.
        timing_n: questions to time; 0 for none.
        stage_cache: whether values of stages are kept and taken from the cache.
        on: a place whose workers ask the questions; this process when left out. Latency is measured here.

    Raises:
        EvalError: more questions failed than may, there is none, or the folder holds another run.
        ConfigError, GraphError, ModelError, StoreError: the pipeline cannot be opened.
    """
    asked = _chosen(dataset, questions)
    folder, cache = Path(folder), Path(cache)
    with (
        shown(progress) as told,
        locked(folder / ".lock", wait=False),
        opened(pipeline, dataset, cache, progress=told) as ready,
        Journal.open(folder, _key(ready, dataset), resume=resume) as journal,
    ):
        work = _Work(ready, journal, asked, told, max_error_rate)
        if not resume:
            (folder / TIMINGS).unlink(missing_ok=True)
        path = cache / "stages" / f"{ready.index}.sqlite"
        if work.left and on is not None:
            folder_of_index = cache / "index" / ready.index if pipeline.corpus == "dataset" else None
            on.ask(told_of(ready, folder_of_index, path if stage_cache else None), work.left, work.take)
        elif work.left and stage_cache:
            with StageCache(path, ready.keys) as kept:
                run_sync(work.ask(kept, concurrency or usable_cores()))
        elif work.left:
            run_sync(work.ask(None, concurrency or usable_cores()))
        outcomes = journal.finish(question.id for question in asked)
        return PipelineRun(
            outcomes,
            timings=_timings(ready, folder, spread(asked, timing_n), told),
            graph=tuple((node.name, node.use) for node in ready.nodes),
            stage_runs=work.stage_runs,
            resumed=len(asked) - work.n_asked,
            problems=ready.problems,
        )


class _Work:
    """The questions of one run that are still to be asked, and what became of those that were."""

    def __init__(
        self,
        ready: Opened,
        journal: Journal,
        asked: Sequence[Question],
        told: Progress,
        max_error_rate: float,
    ) -> None:
        self._ready, self._journal, self._told = ready, journal, told
        self._n, self._may_fail = len(asked), max_error_rate * len(asked)
        self._errors: dict[str, str] = {}
        self._executed = dict.fromkeys((node.name for node in ready.nodes), 0)
        self._cached = dict(self._executed)
        self.left = [question for question in asked if question.id not in journal.done]
        self.n_asked, self._n_taken = len(self.left), 0

    @property
    def stage_runs(self) -> dict[str, StageRuns]:
        """By node, in the order of the graph."""
        return {name: StageRuns(n, cached=self._cached[name]) for name, n in self._executed.items()}

    async def ask(self, cache: StageCache | None, at_once: int) -> None:
        """Asks those that are left."""
        await asked_all(Asker(self._ready, cache), self.left, at_once=at_once, take=self.take)

    def take(self, question: Question, asked: Asked) -> None:
        """Notes what came of one.

        Raises:
            EvalError: more failed than may.
        """
        self._journal.add(asked.outcome, asked.line)
        for name in asked.executed:
            if name in self._executed:
                self._executed[name] += 1
        for name in asked.cached:
            self._cached[name] += 1
        if asked.outcome.error is not None:
            self._errors[question.id] = asked.outcome.error
            if len(self._errors) > self._may_fail:
                raise self._too_many()
        self._n_taken += 1
        self._told(self._n - self.n_asked + self._n_taken, self._n, self._ready.pipeline.name)

    def _too_many(self) -> EvalError:
        first = "; ".join(f"{id_!r}: {error}" for id_, error in list(self._errors.items())[:_ERRORS_SHOWN])
        name, share = self._ready.pipeline.name, self._may_fail / self._n
        return EvalError(
            f"pipeline {name!r}: {len(self._errors):,} of {self._n:,} questions failed, more than the "
            f"{share:.0%} that may. The first: {first}. What was answered is kept in "
            f"{self._journal.folder}: mend the cause and go on with --resume"
        )


def _chosen(dataset: Dataset, ids: Sequence[str] | None) -> list[Question]:
    """The questions to ask, in the dataset's order."""
    known: Mapping[str, Question] = dataset.asked or dataset.questions
    if ids is not None:
        known = dataset.questions
        unknown = next((id_ for id_ in ids if id_ not in known), None)
        if unknown is not None:
            raise EvalError(f"dataset {dataset.name!r} has no question {unknown!r}")
        wanted = set(ids)
        known = {id_: question for id_, question in known.items() if id_ in wanted}
    if not known:
        raise EvalError(f"dataset {dataset.name!r}: there is no question to ask")
    return list(known.values())


def _key(ready: Opened, dataset: Dataset) -> dict[str, Any]:
    """All that outcomes depend on: with equal keys they are equal."""
    pipeline = ready.pipeline
    described = ready.config.describe()
    del described["stores"]
    return {
        "pipeline": {
            "name": pipeline.name,
            "retriever": pipeline.retriever,
            "answers": pipeline.answers,
            "k": None if pipeline.answers else pipeline.k,
            "corpus": pipeline.corpus,
            "tenant": pipeline.tenant,
            "acl": pipeline.acl,
            "filter": repr(pipeline.filter),
        },
        "configuration": described,
        "dataset": {"name": dataset.name, "split": dataset.split, "checksum": dataset.checksum()},
        "settings": _settings(ready.config),
        "stages": _stages(ready),
        "index": ready.index,
        "code": code_version(),
    }


def _settings(config: Config) -> str:
    """A digest of all settings as they are: those of the environment are not shown in `configuration`."""
    given: list[Any] = []
    for spec in (*config.models.values(), *config.stages.values()):
        with suppress(PydanticSerializationError):  # objects of one's own have no form to compare
            given.append([spec.use, spec.settings.model_dump(mode="json")])
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


def _stages(ready: Opened) -> str:
    """A digest of what the stages are beside their settings: their code, prompts, and models' weights."""
    nodes = ready.graph.checked.nodes
    known = [[ready.keys.nodes[node.name], source_version(type(node.stage))] for node in nodes]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]


def _timings(ready: Opened, folder: Path, questions: Sequence[Question], told: Progress) -> dict[str, Timing]:
    known = read_timings(folder)
    if not known and questions:
        known = run_sync(timed(ready, questions, told))
        write_timings(folder, known)
    return known
