"""Systems side by side on the same queries: figures, paired differences, corrected p, wins and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.scores import Scores
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import FEW, Difference, Figure, paired
from ragkit.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class Contrast:
    """One system against the baseline in one measure.

    `p_holm` is `difference.p`, corrected for all contrasts of the comparison.

    >>> change = paired([0.5, 0.25], [1.0, 0.5])
    >>> Contrast("RR@10", system="new", baseline="old", difference=change, p_holm=1.0).difference.wins
    2
    """

    metric: str
    system: str = field(kw_only=True)
    baseline: str = field(kw_only=True)
    difference: Difference = field(kw_only=True)
    p_holm: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    Args:
        figures: by measure, then system: over the queries that this system was scored on.
        contrasts: over the queries that both systems were scored on.
        source: what was measured on, such as dataset and checksum; it is printed below the tables.
        seed: of resampling and tests.

    >>> from ragkit.evaluation.run import Run
    >>> from ragkit.evaluation.scores import score
    >>> qrels = {f"q{n}": {"d": 1} for n in range(8)}
    >>> old = score(Run.of_orders("old", {q: ["x", "d"] for q in qrels}), qrels, ["RR@10"])
    >>> new = score(Run.of_orders("new", {q: ["d", "x"] for q in qrels}), qrels, ["RR@10"])
    >>> contrast = compare([old, new]).contrasts[0]
    >>> contrast.difference.mean, contrast.difference.wins, round(contrast.p_holm, 4)
    (0.5, 8, 0.0078)
    """

    systems: tuple[str, ...]
    baseline: str = field(kw_only=True)
    figures: Mapping[str, Mapping[str, Figure]] = field(kw_only=True)
    contrasts: tuple[Contrast, ...] = field(kw_only=True)
    source: str = field(default="", kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def contrast(self, metric: str, system: str) -> Contrast:
        """One system against the baseline in one measure.

        Raises:
            EvalError: they were not compared.
        """
        for contrast in self.contrasts:
            if (contrast.metric, contrast.system) == (metric, system):
                return contrast
        raise EvalError(f"{system!r} was not compared with {self.baseline!r} in {metric!r}")

    def text(self) -> str:
        """Both tables and the notes, for a terminal."""
        return "\n\n".join((self._figures().text(), self._differences().text(), "\n".join(self._notes())))

    def markdown(self) -> str:
        """Both tables and the notes, for a page."""
        notes = "\n".join(f"- {note}" for note in self._notes())
        return "\n\n".join((self._figures().markdown(), self._differences().markdown(), notes))

    def _figures(self) -> Table:
        """A row per system, a column per measure; n and what failed stand in every row."""
        rows = []
        for system in self.systems:
            figures = [self.figures[metric][system] for metric in self.figures]
            counts = (f"{figures[0].n:,}", f"{figures[0].failed:,}")
            rows.append((system, *(_mean(figure) for figure in figures), *counts))
        return Table(("system", *(f"{metric} [95 %]" for metric in self.figures), "n", "failed"), tuple(rows))

    def _differences(self) -> Table:
        change = f"- {self.baseline} [95 %]"
        head = ("measure", "system", change, "p", "p Holm", "win/loss/tie", "detectable", "n")
        return Table(head, tuple(_row(contrast) for contrast in self.contrasts))

    def _notes(self) -> list[str]:
        notes = [
            "Intervals: BCa bootstrap of the mean. p: paired randomisation test, two-sided; "
            f"Holm over {len(self.contrasts)}. Detectable: found in 4 of 5 cases at p < .05. "
            f"Seed {self.seed}.",
        ]
        if min(contrast.difference.n for contrast in self.contrasts) < FEW:
            notes.append(f"Fewer than {FEW} queries: intervals are too narrow and little can be told apart.")
        failed = max(figure.failed for figures in self.figures.values() for figure in figures.values())
        if failed:
            notes.append("Queries that failed are in no mean and no difference.")
        return [*notes, f"Data: {self.source}"] if self.source else notes


def compare(
    systems: Sequence[Scores],
    *,
    baseline: str | None = None,
    clusters: Mapping[str, str] | None = None,
    source: str = "",
    seed: int = 0,
) -> Comparison:
    """Compares each system with the baseline, query by query, in every measure.

    A query that failed in a system is left out of that system's figure and of its differences, and counted.

    Args:
        systems: two or more, scored with the same judgements and measures.
        baseline: the name of one of them; else the first.
        clusters: by query id, the cluster of queries that belong together, see `stats.mean_figure`.
        source: what was measured on, to be printed.
        seed: of resampling and tests.

    Raises:
        EvalError: fewer than two systems, a name is there twice or unknown, measures or queries differ, or
            a pair has no query that both were scored on.
    """
    by_name = {scores.name: scores for scores in systems}
    if len(by_name) != len(systems) or len(systems) < 2:
        names = ", ".join(scores.name for scores in systems)
        raise EvalError(f"systems {names}: expected two or more, each with a name of its own")
    base = systems[0] if baseline is None else by_name.get(baseline)
    if base is None:
        raise EvalError(
            f"baseline {baseline!r}: expected one of {', '.join(by_name)}."
            f"{did_you_mean(str(baseline), by_name)}"
        )
    for scores in systems:
        _check_alike(base, scores)
    found = [
        (metric, scores.name, _difference(base, scores, metric, clusters, seed))
        for metric in base.metrics
        for scores in systems
        if scores is not base
    ]
    corrected = holm([difference.p for _, _, difference in found])
    return Comparison(
        tuple(by_name),
        baseline=base.name,
        figures={
            metric: {scores.name: scores.figure(metric, clusters=clusters, seed=seed) for scores in systems}
            for metric in base.metrics
        },
        contrasts=tuple(
            Contrast(metric, system=system, baseline=base.name, difference=difference, p_holm=p)
            for (metric, system, difference), p in zip(found, corrected, strict=True)
        ),
        source=source,
        seed=seed,
    )


def _check_alike(base: Scores, scores: Scores) -> None:
    if scores.metrics != base.metrics:
        raise EvalError(
            f"{base.name} has the measures {', '.join(base.metrics)}, {scores.name} has "
            f"{', '.join(scores.metrics)}: score both with the same ones, in the same order"
        )
    apart = _queries(base) ^ _queries(scores)
    if apart:
        raise EvalError(
            f"{base.name} and {scores.name} were not scored on the same queries: {len(apart):,} are in one "
            f"alone, such as {min(apart)!r}. Score both with the same judgements"
        )


def _queries(scores: Scores) -> set[str]:
    return {*scores.of(scores.metrics[0]), *scores.failed}


def _difference(
    base: Scores, scores: Scores, metric: str, clusters: Mapping[str, str] | None, seed: int
) -> Difference:
    before, after = base.of(metric), scores.of(metric)
    both = [query for query in before if query in after]
    if not both:
        raise EvalError(f"{base.name} and {scores.name}: on every query one of them failed")
    return paired(
        [before[query] for query in both],
        [after[query] for query in both],
        failed=len({*base.failed, *scores.failed}),
        clusters=None if clusters is None else [clusters.get(query, query) for query in both],
        seed=seed,
    )


def _mean(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.3f}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _row(contrast: Contrast) -> tuple[str, ...]:
    d = contrast.difference
    interval = "" if d.low is None or d.high is None else f" [{d.low:+.3f}, {d.high:+.3f}]"
    return (
        contrast.metric,
        contrast.system,
        f"{d.mean:+.3f}{interval}",
        f"{d.p:.4f}",
        f"{contrast.p_holm:.4f}",
        f"{d.wins:,}/{d.losses:,}/{d.ties:,}",
        "" if d.detectable is None else f"{d.detectable:.3f}",
        f"{d.n:,}" if not d.failed else f"{d.n:,} ({d.failed:,} failed)",
    )
