"""The tables of a report: figures, what each stage lost, the gate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ragkit.errors import EvalError
from ragkit.evaluation.metrics.ranking import parse_metric
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.json import blame_counts
from ragkit.evaluation.rule import TIMES
from ragkit.evaluation.stats import FEW, Figure
from ragkit.evaluation.table import Table

NOTHING = "–"
_WHY = {"corpus": "corpus (not in any document)", "answer": "answer (had the evidence)"}


def datasets_of(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The results by dataset, both in the suite's order."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.dataset, []).append(result)
    return found


def figure_table(results: Sequence[Result], *, with_times: bool = True) -> Table:
    """A row for each measure, a column for each pipeline, then what failed."""
    names = dict.fromkeys(name for result in results for name in (*result.figures, *result.unmeasured))
    metrics = [name for name in names if with_times or name not in TIMES]
    rows = [
        (
            metric,
            *(figure_cell(metric, result.figures.get(metric)) for result in results),
            _n(metric, results),
        )
        for metric in metrics
    ]
    for word, counts in (
        ("failed", [len(result.failed) for result in results]),
        ("degraded", [result.degraded for result in results]),
    ):
        if any(counts):
            asked = spread(len(result.outcomes) for result in results)
            rows.append((f"{word} questions", *(f"{count:,}" for count in counts), asked))
    for metric in dict.fromkeys(name for result in results for name, why in result.unscored.items() if why):
        counts = [len(result.unscored.get(metric, ())) for result in results]
        asked = spread(len(result.outcomes) for result in results)
        rows.append((f"{metric} not scored", *(f"{count:,}" for count in counts), asked))
    return Table(("measure", *(result.pipeline for result in results), "n"), tuple(rows))


def verdict_of(report: Report) -> str:
    """Whether the gate holds, or how many of its rules do not."""
    broken = sum(not check.holds for check in report.gate)
    return (
        f"{broken} of {len(report.gate)} rules {'does' if broken == 1 else 'do'} not hold"
        if broken
        else "the gate holds"
    )


def loss_table(results: Sequence[Result]) -> Table | None:
    """How many questions each stage lost what was needed for; None where nothing was lost."""
    counts = [blame_counts(result) for result in results]
    names = list(dict.fromkeys(name for counted in counts for name in counted))
    if not names:
        return None
    rows = ((_WHY.get(name, name), *(f"{counted.get(name, 0):,}" for counted in counts)) for name in names)
    return Table(("lost in", *(result.pipeline for result in results)), tuple(rows))


def gate_table(report: Report, *, with_times: bool = True) -> Table:
    """A row for each rule that was looked at."""
    rows = tuple(
        (
            "holds" if check.holds else "FAILS",
            f"{check.metric}: {check.rule}",
            f"{check.dataset}/{check.pipeline}",
            check.detail if with_times or check.metric not in TIMES else "see timings.json",
        )
        for check in report.gate
    )
    return Table(("gate", "fail if", "on", "found"), rows)


def figure_cell(metric: str, figure: Figure | None) -> str:
    """A mean with its interval; times in milliseconds, small money with more digits."""
    if figure is None:
        return NOTHING
    scale, form = (1e3, ".1f") if metric in TIMES else (1.0, _form(figure.mean))
    unit = " ms" if metric in TIMES else ""
    if figure.low is None or figure.high is None:
        return f"{figure.mean * scale:{form}}{unit}"
    return f"{figure.mean * scale:{form}}{unit} [{figure.low * scale:{form}}, {figure.high * scale:{form}}]"


def warnings_of(results: Sequence[Result], *, compared: bool = False) -> list[str]:
    """What to be wary of when reading the figures of a dataset; `compared` where the notes of a comparison
    stand above and say some of it."""
    told = [
        f"{result.pipeline}: {metric} has no figure: {reason}"
        for result in results
        for metric, reason in result.unmeasured.items()
    ]
    told += [
        f"{result.pipeline}: {metric} could not score {len(reasons):,} questions, which are in no mean; the "
        f"first, {next(iter(reasons))}: {next(iter(reasons.values()))}"
        for result in results
        for metric, reasons in result.unscored.items()
        if reasons
    ]
    told += _not_ingested(results)
    told += _too_shallow(results)
    told += [
        f"{result.pipeline}: {metric}: {bill}" for result in results for metric, bill in result.bills.items()
    ]
    least = min(len(result.outcomes) for result in results)
    if least < FEW and not compared:
        told.append(f"Fewer than {FEW} questions: intervals are too narrow and little can be told apart.")
    for result in results:
        if result.failed:
            question, error = next(iter(result.failed.items()))
            told.append(
                f"{result.pipeline}: {len(result.failed):,} of {len(result.outcomes):,} questions failed and "
                f"are in no mean; the first, {question}: {error}"
            )
    return told


def _not_ingested(results: Sequence[Result]) -> Iterator[str]:
    """What could not be ingested, once for the pipelines that share it."""
    by_documents: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        if result.not_ingested:
            by_documents.setdefault(tuple(result.not_ingested), []).append(result.pipeline)
    reasons = {id_: reason for result in results for id_, reason in result.not_ingested.items()}
    for documents, pipelines in by_documents.items():
        yield (
            f"{', '.join(pipelines)}: {len(documents):,} documents were not ingested; the first, "
            f"{documents[0]}: {reasons[documents[0]]}"
        )


def _too_shallow(results: Sequence[Result]) -> Iterator[str]:
    """The measures that look deeper than a pipeline ranks, where another ranks deeper."""
    depths = {r.pipeline: max((len(o.ranked) for o in r.outcomes.values()), default=0) for r in results}
    deepest = max(depths.values())
    for result in results:
        depth = depths[result.pipeline]
        deeper = [name for name in result.figures if depth < min(_cutoff(name, deepest), deepest)]
        # Ten passages are nine documents here and ten there: that is no other depth.
        if deeper and depth * 1.5 < deepest:
            yield (
                f"{result.pipeline} ranked at most {depth:,} documents, another {deepest:,}: "
                f"{', '.join(deeper)} looks deeper and may be lower for that alone. Let them rank equally "
                "deep: `depth` of a pipeline says how deep without answers, `k` of its stages with them"
            )


def _cutoff(metric: str, whole: int) -> int:
    """How deep a measure of rankings looks; 0 for any other."""
    try:
        return parse_metric(metric).cutoff or whole
    except EvalError:
        return 0


def spread(counts: Iterable[int]) -> str:
    """One number where all are the same, else the least and the most."""
    found = sorted(set(counts))
    return NOTHING if not found else "–".join(f"{n:,}" for n in dict.fromkeys((found[0], found[-1])))


def _n(metric: str, results: Sequence[Result]) -> str:
    return spread(result.figures[metric].n for result in results if metric in result.figures)


def _form(mean: float) -> str:
    if abs(mean) >= 100:
        return ",.0f"
    return ".3f" if abs(mean) >= 0.01 or mean == 0 else ".2g"
