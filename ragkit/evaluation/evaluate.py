"""A suite from its file to its report: each pipeline on each dataset, measured, compared, gated, written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.evaluation.baseline import refuse_other_file, write_baseline
from ragkit.evaluation.compare import compare_results
from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.folder import write_report
from ragkit.evaluation.gate import Before, FromFile, FromPipeline, check_gate
from ragkit.evaluation.prepare import Prepared, prepared
from ragkit.evaluation.report import GateCheck, Report, Result
from ragkit.evaluation.reports.tables import datasets_of
from ragkit.evaluation.run_folder import begin_run, run_folder
from ragkit.evaluation.runner.handed import AsksElsewhere
from ragkit.evaluation.runner.progress import shown
from ragkit.evaluation.suite import Suite
from ragkit.evaluation.suite_file import load_suite, with_pipelines
from ragkit.evaluation.suite_runs import SuiteRuns
from ragkit.ingest.elsewhere import Elsewhere, place
from ragkit.ingest.progress import Progress


def evaluate(
    suite: str | Path | Suite,
    *,
    data: str | Path | None = None,
    resume: bool = False,
    out: str | Path | None = None,
    pipelines: Sequence[str | Path] | None = None,
    progress: bool | Progress = True,
    save_baseline: str | Path | None = None,
    on: str | Elsewhere | None = None,
) -> Report:
    """Runs a suite, and writes all that it gave to a folder.

    All that can be checked is checked before anything runs. Indexes and what stages gave are kept beside the
    folder, in `.cache`: what did not change since an earlier run is not computed again.

    Args:
        suite: the path of its YAML, or a `Suite`.
        data: the folder that holds the datasets of manifests; else the variable `RAGKIT_DATA` says.
        resume: goes on with the run that is in the folder, after a kill or with the questions that failed.
        out: the folder; else `runs/NAME`, or `runs/NAME-2` and so on where there is one. With `resume`, the
            last of these.
        pipelines: further configurations, each named like its file.
        progress: a bar on a terminal, a function of yours, or False.
        save_baseline: a file to keep the figures in, for later runs to be compared with. The rules that
            compare with the baseline file are then not looked at.
        on: where the questions are asked: `ray://HOST:PORT`, `ray`, or an `OnRay` of
            `ragkit_connectors.ray`; None or `local` is this process. What comes of them is the same; datasets
            are indexed, judged and timed here.

    Returns:
        The report; whether its gate holds is `report.holds`.

    Raises:
        ConfigError: the suite or a configuration has mistakes.
        ClusterError: the cluster cannot be reached or went away; what was answered is kept for `resume`.
        EvalError: the data, the measures or the baseline do not fit, or too many questions failed.

    Example:
        report = ragkit.evaluate("evals/suites/quickstart.yaml")
        report.to_pandas().groupby("pipeline").mean(numeric_only=True)
    """
    where = _asking(place(on))
    if not isinstance(suite, Suite):
        suite = load_suite(suite)
    suite = with_pipelines(suite, pipelines or ())
    if save_baseline is not None:
        refuse_other_file(Path(save_baseline))
    ready = prepared(suite, data=Path(data) if data else None, replaces_baseline=save_baseline is not None)
    folder = run_folder(suite.name, None if out is None else Path(out), resume)
    begin_run(ready, folder)
    texts = {one.data.name: one.data.texts() for one in ready.data}
    with shown(progress) as told, where.held() if where else nullcontext():
        runs = SuiteRuns(suite, folder=folder, resume=resume, told=told, on=where)
        results = tuple(
            runs.result(one, pipeline, texts[one.data.name])
            for one in ready.data
            for pipeline in one.pipelines
        )
    report = Report(
        suite.name,
        results=results,
        comparisons=_comparisons(suite, results),
        gate=_gate(ready, results, replaces_baseline=save_baseline is not None),
        facts=ready.facts,
        folder=folder,
        max_error_rate=suite.max_error_rate,
    )
    write_report(report, folder, texts)
    if save_baseline is not None:
        write_baseline(report, Path(save_baseline))
    return report


def _asking(elsewhere: Elsewhere | None) -> AsksElsewhere | None:
    if elsewhere is not None and not isinstance(elsewhere, AsksElsewhere):
        raise ConfigError(f"on: {type(elsewhere).__name__} ingests and asks no questions. Use this process")
    return elsewhere


def _comparisons(suite: Suite, results: Sequence[Result]) -> Mapping[str, Comparison]:
    """Each dataset's pipelines against the reference; none where there is one pipeline alone."""
    found = {}
    for dataset, of_dataset in datasets_of(results).items():
        if len(of_dataset) > 1:
            comparison = compare_results(of_dataset, baseline=suite.reference, seed=suite.seed)
            if comparison is not None:
                found[dataset] = comparison
    return found


def _gate(ready: Prepared, results: Sequence[Result], *, replaces_baseline: bool) -> tuple[GateCheck, ...]:
    suite = ready.suite
    rules = suite.rules
    if suite.baseline_file and replaces_baseline:
        rules = tuple(rule for rule in rules if not rule.compares)
    before: Before = FromPipeline(results, pipeline=suite.reference)
    if ready.baseline is not None:
        before = FromFile(ready.baseline, facts=ready.facts)
    gated = [result for result in results if suite.pipelines[result.pipeline].is_gated]
    return check_gate(rules, gated, before=before, max_unscored=suite.max_error_rate, seed=suite.seed)
