"""Scores of every run, with intervals, and paired tests against ragkit, corrected for all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evals.benchmarks.peers.adapter import DOCUMENTED
from evals.benchmarks.peers.environments import OURS
from ragkit.evaluation.clusters import clusters, shared
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import Scores, score
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import Difference, Figure, paired
from ragkit.evaluation.trec import read_run

METRICS = ("nDCG@10", "R@100")


@dataclass(frozen=True, slots=True)
class Line:
    """One way to search, on one set.

    Args:
        figures: by measure.
        differences: by measure, from ragkit's documented way on the same questions; none for that one.
        p_holm: by measure, corrected over the table.
    """

    set: str
    peer: str
    way: str
    figures: Mapping[str, Figure] = field(kw_only=True)
    differences: Mapping[str, Difference] = field(kw_only=True)
    p_holm: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    wall_ms: tuple[float, float] = field(kw_only=True)
    cpu_ms: tuple[float, float] = field(kw_only=True)
    ingest_s: float = field(kw_only=True)
    ingest_cpu_s: float = field(kw_only=True)

    @property
    def is_documented(self) -> bool:
        """Whether it is the way that the library's documentation shows."""
        return self.way == DOCUMENTED


def lines_of(data: Dataset, reports: Mapping[str, tuple[Path, Mapping[str, Any]]]) -> list[Line]:
    """The lines of a set, not corrected yet.

    Args:
        data: questions and judgements.
        reports: by library, the folder of its runs and its report; ragkit's is among them.
    """
    scored = {
        (peer, way): _scores(peer, way, folder / facts["run"], facts, data)
        for peer, (folder, report) in reports.items()
        for way, facts in report["ways"].items()
    }
    base = scored[OURS, DOCUMENTED]
    together = shared(clusters(data.qrels, data.judged))
    lines = []
    for (peer, way), scores in scored.items():
        report = reports[peer][1]
        facts = report["ways"][way]
        lines.append(
            Line(
                data.name,
                peer,
                way,
                figures={metric: scores.figure(metric, clusters=together) for metric in METRICS},
                differences=(
                    {} if scores is base else {m: _difference(base, scores, m, together) for m in METRICS}
                ),
                wall_ms=_percentiles(facts["wall_ms"]),
                cpu_ms=_percentiles(facts["cpu_ms"]),
                ingest_s=report["ingest_s"],
                ingest_cpu_s=report["ingest_cpu_s"],
            )
        )
    return lines


def corrected(lines: Sequence[Line]) -> list[Line]:
    """The lines with p corrected by Holm over all of their differences."""
    places = [(at, metric) for at, line in enumerate(lines) for metric in line.differences]
    p_values = holm([lines[at].differences[metric].p for at, metric in places]) if places else []
    found: dict[int, dict[str, float]] = {}
    for (at, metric), p in zip(places, p_values, strict=True):
        found.setdefault(at, {})[metric] = p
    return [_with_p(line, found.get(at, {})) for at, line in enumerate(lines)]


def _with_p(line: Line, p_holm: Mapping[str, float]) -> Line:
    values = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    return Line(**{**values, "p_holm": p_holm})


def _scores(peer: str, way: str, path: Path, facts: Mapping[str, Any], data: Dataset) -> Scores:
    run = read_run(path, name=f"{peer}, {way}")
    return score(Run(run.name, scores=run.scores, failed=facts["failed"]), data.qrels, METRICS)


def _difference(base: Scores, scores: Scores, metric: str, together: Mapping[str, str] | None) -> Difference:
    before, after = base.of(metric), scores.of(metric)
    both = [question for question in before if question in after]
    return paired(
        [before[question] for question in both],
        [after[question] for question in both],
        failed=len({*base.failed, *scores.failed}),
        clusters=None if together is None else [together[question] for question in both],
    )


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(times, [50, 95])
    return float(p50), float(p95)
