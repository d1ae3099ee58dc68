"""One pipeline of a suite on one of its datasets: run, judged, measured, blamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.evaluation.blame import blame
from ragkit.evaluation.case import Case, Texts
from ragkit.evaluation.clusters import clusters, shared
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.judges import AskedFirst, asked_first
from ragkit.evaluation.latency import latency_figures
from ragkit.evaluation.measure import measure
from ragkit.evaluation.metrics.metric import Metric, SetMetric
from ragkit.evaluation.prepared_data import PreparedData
from ragkit.evaluation.report import Result
from ragkit.evaluation.runner.handed import AsksElsewhere
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.run import PipelineRun, run_pipeline
from ragkit.evaluation.suite import Suite
from ragkit.ingest.progress import Progress, silent

CACHE = ".cache"


@dataclass(frozen=True, slots=True)
class SuiteRuns:
    """Runs the pipelines of a suite, one after the other.

    Args:
        folder: of the suite's run. What can be used again is kept beside it.
        resume: whether to go on from what is in the folder.
        told: how far it is.
        on: a place whose workers ask the questions; this process when left out.

    Example:
        SuiteRuns(suite, folder=Path("runs/mine")).result(prepared, pipeline, texts)
    """

    suite: Suite
    folder: Path = field(kw_only=True)
    resume: bool = field(default=False, kw_only=True)
    told: Progress = field(default=silent, kw_only=True)
    on: AsksElsewhere | None = field(default=None, kw_only=True)

    def result(self, one: PreparedData, pipeline: Pipeline, texts: Texts) -> Result:
        """What a pipeline made of a dataset, with its figures.

        Raises:
            EvalError: too many questions failed, or what is in the folder is of another run.
        """
        data, suite, cache = one.data, self.suite, self.folder.parent / CACHE

        def progress(done: int, total: int | None, what: str) -> None:
            self.told(done, total, f"{data.name} · {what}")

        run = run_pipeline(
            pipeline,
            data,
            folder=self.folder / data.name / pipeline.name,
            cache=cache,
            questions=one.questions,
            resume=self.resume,
            concurrency=suite.concurrency,
            progress=progress,
            max_error_rate=suite.max_error_rate,
            timing_n=suite.timing_n,
            on=self.on,
        )
        cases = _cases(data, run, texts)
        metrics = asked_first(one.metrics_of(pipeline), cases, cache / "judges.sqlite", progress)
        return self._measured(data, pipeline.name, run, cases, metrics)

    def _measured(
        self,
        data: Dataset,
        pipeline: str,
        run: PipelineRun,
        cases: Sequence[Case],
        metrics: Sequence[Metric | SetMetric],
    ) -> Result:
        """The figures, and where what was needed was lost."""
        together, seed = shared(clusters(data.qrels, run.outcomes)), self.suite.seed
        found = measure(cases, run.failed, metrics, clusters=together, seed=seed)
        missing: dict[str, tuple[()]] = dict.fromkeys(run.problems, ())
        untimed = max(0, min(self.suite.timing_n, len(run.outcomes)) - len(run.timings))
        lost = {case.question.id: blame(case, run.graph, indexed=missing) for case in cases}
        return Result(
            data.name,
            pipeline,
            figures={**found.figures, **latency_figures(run.timings.values(), failed=untimed, seed=seed)},
            values=found.values,
            blame={id_: node for id_, node in lost.items() if node is not None},
            questions={id_: data.questions[id_] for id_ in run.outcomes},
            qrels={id_: data.qrels[id_] for id_ in run.outcomes if id_ in data.qrels},
            outcomes=run.outcomes,
            timings=run.timings,
            graph=run.graph,
            stage_runs=run.stage_runs,
            unmeasured=found.unmeasured,
            unscored=found.unscored,
            not_ingested=run.problems,
            bills={metric.name: metric.bill for metric in metrics if isinstance(metric, AskedFirst)},
        )


def _cases(data: Dataset, run: PipelineRun, texts: Texts) -> list[Case]:
    return [
        Case(data.questions[id_], judged=data.qrels.get(id_, {}), outcome=outcome, texts=texts)
        for id_, outcome in run.outcomes.items()
        if not outcome.error
    ]
