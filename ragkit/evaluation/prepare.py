"""All that can be known to go wrong before a suite runs: data, measures and baseline are looked at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.baseline import Baseline, read_baseline
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.facts import fingerprint, software
from ragkit.evaluation.folder import FILES, OF_DATASET
from ragkit.evaluation.manifest import load_manifest, read_manifest
from ragkit.evaluation.metrics.resolve import unmet
from ragkit.evaluation.prepared_data import Metrics, PreparedData, needs_reply
from ragkit.evaluation.rows import Problems
from ragkit.evaluation.rules_fit import check_rules
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.suite import NAME, NAME_EXPECTED, DataSource, PipelineSource, Suite


@dataclass(frozen=True, slots=True)
class Prepared:
    """A suite of which nothing is known to go wrong.

    Args:
        data: the datasets, in the suite's order.
        baseline: of the file that the suite names; None where it names none.
        facts: what it takes to make the run again.
    """

    suite: Suite
    data: tuple[PreparedData, ...] = field(kw_only=True)
    baseline: Baseline | None = field(kw_only=True)
    facts: Mapping[str, object] = field(kw_only=True, repr=False)


def prepared(suite: Suite, *, data: Path | None = None, replaces_baseline: bool = False) -> Prepared:
    """Opens the datasets and checks that all fits together.

    Args:
        suite: what is to be measured.
        data: the folder that holds the datasets of manifests; else `RAGKIT_DATA` says.
        replaces_baseline: whether the run makes a new baseline, so that the old one need not fit.

    Raises:
        EvalError: data is missing or malformed, a measure needs what a dataset or the pipelines lack, the
            baseline does not fit: all of these at once.
    """
    problems = Problems()
    found: list[PreparedData] = []
    for source in suite.data:
        with problems.gathered():
            one = _data(source, suite, data)
            if any(one.data.name == other.data.name for other in found):
                raise EvalError(
                    f"{source.where}: two datasets are called {one.data.name!r}: add name: to one of them"
                )
            found.append(one)
    with problems.gathered():
        _check_names([one.data.name for one in found], FILES, "datasets")
    with problems.gathered():
        _check_names(list(suite.pipelines), OF_DATASET, "pipelines")
    baseline: Baseline | None = None
    facts = _facts(suite, found)
    if suite.baseline_file and not replaces_baseline:
        with problems.gathered():
            baseline = read_baseline(suite.baseline_file)
    if len(found) == len(suite.data) and not problems.found:
        check_rules(suite, found, baseline, facts, replaces_baseline=replaces_baseline)
    problems.settle()
    return Prepared(suite, data=tuple(found), baseline=baseline, facts=facts)


def _check_names(names: Sequence[str], files: Sequence[str], what: str) -> None:
    """Whether each has a folder to itself, on disks that do not tell A from a too."""
    seen = {name.casefold(): f"a file of the run, {name}" for name in files}
    for name in names:
        same = seen.get(name.casefold())
        if same is not None:
            raise EvalError(f"{what}: {name!r} cannot have a folder of its own beside {same}. Rename it")
        seen[name.casefold()] = repr(name)


def _pipeline(name: str, source: PipelineSource, answering: bool) -> Pipeline:
    answers = source.answers if source.answers is not None else answering and source.retriever == "full"
    try:
        return Pipeline(
            name,
            config=source.config,
            retriever=source.retriever,
            answers=answers,
            k=source.depth,
            corpus=source.corpus,
            tenant=source.tenant,
            acl=source.acl,
            filter=source.filter,
        )
    except EvalError as e:
        raise EvalError(f"{source.where}: {e}" if source.where else str(e)) from e


def _data(source: DataSource, suite: Suite, folder: Path | None) -> PreparedData:
    data = _opened(source, folder)
    metrics = suite.judges.metrics(source.metrics or suite.metrics)
    answering = any(needs_reply(metric) for metric in metrics)
    pipelines = tuple(_pipeline(name, one, answering) for name, one in suite.pipelines.items())
    lacking = unmet(metrics, data, pipeline_answers=any(pipeline.answers for pipeline in pipelines))
    if lacking:
        where = f"{source.where}: " if source.where else ""
        raise EvalError("\n".join(f"{where}{problem}" for problem in lacking))
    asked = _asked(data, metrics)
    if not asked:
        raise EvalError(f"{source.where}: {data.name!r} has no question that these measures say something of")
    questions = _spread(asked, source.sample)
    checksum = data.checksum()
    facts = {
        "checksum": checksum,
        "split": data.split,
        "subset": data.subset or None,
        "questions": len(questions),
        "sample": source.sample if len(questions) < len(asked) else None,
        "asked": fingerprint(questions),
        **_origin(source),
    }
    return PreparedData(
        data, checksum, questions=questions, pipelines=pipelines, metrics=metrics, facts=facts
    )


def _opened(source: DataSource, folder: Path | None) -> Dataset:
    path = source.path
    if source.is_manifest:
        data = load_manifest(path, data=folder, split=source.split)
        if read_manifest(path).checksum is None:
            data.check()
    else:
        _refuse_manifests_folder(source)
        data = load_dataset(path, split=source.split or "test")
        data.check()
    data = replace(data, name=source.name or data.name)
    if NAME.fullmatch(data.name) is None:
        raise EvalError(f"{source.where}: the name {data.name!r} will not do for a folder: {NAME_EXPECTED}")
    return data


def _refuse_manifests_folder(source: DataSource) -> None:
    manifests = sorted(path.name for path in source.path.glob("*.yaml"))
    if manifests and not any(source.path.glob("corpus.jsonl*")):
        raise EvalError(
            f"{source.where}: {source.path} has no corpus.jsonl, and the manifests {', '.join(manifests)}: "
            f"name one of them, such as {source.path.name}/{manifests[0]}"
        )


def _asked(data: Dataset, metrics: Metrics) -> list[str]:
    """The questions of the split that a measure may say something about.

    Those that cannot be answered are among them where an answer is measured. Questions without judgements
    are of another split, unless the dataset has no judgements at all.
    """
    if data.qrels:
        of_answers = any(needs_reply(metric) or "answerable" in metric.needs for metric in metrics)
        return list(data.asked if of_answers else data.judged)
    return [
        id_
        for id_, question in data.questions.items()
        if question.answers or question.evidence or question.is_answerable is not None
    ]


def _spread(ids: Sequence[str], n: int | None) -> tuple[str, ...]:
    """`n` of them, evenly spread; all where there are fewer."""
    if n is None or n >= len(ids):
        return tuple(ids)
    return tuple(ids[i * len(ids) // n] for i in range(n))


def _origin(source: DataSource) -> dict[str, Any]:
    if not source.is_manifest:
        return {}
    manifest = read_manifest(source.path)
    origin: dict[str, Any] = {"licence": manifest.licence, "source": manifest.source}
    # A file of questions of one's own has no judgements by split.
    return {**origin, "split": None} if manifest.questions is not None else origin


def _facts(suite: Suite, found: Sequence[PreparedData]) -> dict[str, object]:
    return {
        **software(suite.path.parent if suite.path else Path()),
        "seed": suite.seed,
        "suite": fingerprint(suite.describe()),
        "datasets": {one.data.name: dict(one.facts) for one in found},
        "pipelines": {
            name: {
                "configuration": fingerprint(source.describe()),
                "retriever": source.retriever,
                "depth": source.depth,
            }
            for name, source in suite.pipelines.items()
        },
    }
