"""The evaluator of a search over real pipelines and a real dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ragkit.errors import EvalError, RagkitError
from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.measure import measure
from ragkit.evaluation.metrics.metric import Metric
from ragkit.evaluation.metrics.resolve import resolve_metrics, unmet
from ragkit.evaluation.runner.opened import opened
from ragkit.evaluation.runner.pipeline import Corpus, Pipeline
from ragkit.evaluation.runner.run import run_pipeline
from ragkit.evaluation.runner.timing import timed
from ragkit.evaluation.search.context_tokens import NAME as CONTEXT_TOKENS
from ragkit.evaluation.search.context_tokens import ContextTokens
from ragkit.evaluation.search.evaluator import Block
from ragkit.evaluation.search.grid import Candidate
from ragkit.evaluation.search.objective import Objective, metrics_of
from ragkit.graph.sync import run_sync
from ragkit.ingest.progress import silent

SCRATCH = ".scratch"
"""A folder of the search's folder, of which nothing is needed when nothing runs."""


class LiveEvaluator:
    """Asks whole graphs, as they will be used; stages that configurations have in common run once.

    Args:
        dataset: what is indexed and asked.
        objectives: what is measured.
        folder: of the search.
        cache: where indexes and values of stages are kept; any number of searches and suites share it.
        corpus: `own` asks the index of the configuration, and ingests nothing.

    Raises:
        EvalError: a measure is unknown, is none of single questions, or needs what the dataset lacks.

    Example:
        evaluator = LiveEvaluator(data, objectives, folder=Path("runs/search"), cache=Path("runs/.cache"))
        findings = search(grid, parts, rules, evaluator, folder=Path("runs/search"), facts={})
    """

    def __init__(
        self,
        dataset: Dataset,
        objectives: Sequence[Objective],
        *,
        folder: Path,
        cache: Path,
        corpus: Corpus = "dataset",
    ) -> None:
        self._dataset = dataset
        self._metrics = _resolved(metrics_of(objectives), dataset)
        self._scratch = folder / SCRATCH
        self._cache = cache
        self._corpus = corpus
        self._texts = dataset.texts()

    def evaluate(self, candidate: Candidate, questions: Sequence[str]) -> Block:
        """See `Evaluator`."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        place = tempfile.TemporaryDirectory(prefix=f"{candidate.id}-", dir=self._scratch)
        with place as scratch, _of_one_configuration():
            run = run_pipeline(
                self._pipeline(candidate),
                self._dataset,
                folder=Path(scratch),
                cache=self._cache,
                questions=questions,
                max_error_rate=1.0,
                timing_n=0,
            )
        cases = [
            Case(
                self._dataset.questions[id_],
                judged=self._dataset.qrels.get(id_, {}),
                outcome=outcome,
                texts=self._texts,
            )
            for id_, outcome in run.outcomes.items()
            if not outcome.error
        ]
        found = measure(cases, run.failed, self._metrics)
        executed = sum(runs.executed for runs in run.stage_runs.values())
        return Block(found.values, failed=run.failed, stage_runs=executed)

    def seconds(self, candidate: Candidate, questions: Sequence[str]) -> Mapping[str, float]:
        """See `Evaluator`."""
        with _of_one_configuration(), opened(self._pipeline(candidate), self._dataset, self._cache) as ready:
            asked = [self._dataset.questions[id_] for id_ in questions]
            return {id_: timing.seconds for id_, timing in run_sync(timed(ready, asked, silent)).items()}

    def _pipeline(self, candidate: Candidate) -> Pipeline:
        return Pipeline(candidate.id, config=candidate.config, corpus=self._corpus)


@contextmanager
def _of_one_configuration() -> Iterator[None]:
    """What one configuration cannot do, such as embed any document, does not end the search."""
    try:
        yield
    except EvalError as e:
        raise RagkitError(str(e)) from e


def measures_of(names: Sequence[str]) -> tuple[Metric, ...]:
    """The measures of these names, each with a value for each question.

    Raises:
        EvalError: there is no such measure, or it is one of a whole set.
    """
    metrics = resolve_metrics([ContextTokens() if name == CONTEXT_TOKENS else name for name in names])
    of_sets = [metric.name for metric in metrics if not isinstance(metric, Metric)]
    if of_sets:
        raise EvalError(
            f"{', '.join(of_sets)}: of a whole set of questions, and a race needs a value for each question. "
            "Search by another measure, and look at this one with ragkit eval afterwards"
        )
    return tuple(metric for metric in metrics if isinstance(metric, Metric))


def _resolved(names: Sequence[str], dataset: Dataset) -> tuple[Metric, ...]:
    metrics = measures_of(names)
    lacking = unmet(metrics, dataset, pipeline_answers=True)
    if lacking:
        raise EvalError("\n".join(lacking))
    return metrics


def documents_by_question(dataset: Dataset) -> dict[str, list[str]]:
    """The documents that answer each question that is asked: relevant by judgement, or holding evidence."""
    return {
        id_: [
            *(document for document, grade in dataset.qrels.get(id_, {}).items() if grade > 0),
            *(evidence.document_id for evidence in question.evidence),
        ]
        for id_, question in dataset.asked.items()
    }
