"""What a comparison of systems found, and its tables: figures, paired differences, corrected p."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ragkit.errors import EvalError
from ragkit.evaluation.direction import is_lower_better
from ragkit.evaluation.stats import FEW, Difference, Figure, probability
from ragkit.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class Contrast:
    """One system against the baseline in one measure.

    `p_holm` is `difference.p`, corrected for all contrasts of the comparison.

    >>> from ragkit.evaluation.stats import paired
    >>> change = paired([0.5, 0.25], [1.0, 0.5])
    >>> Contrast("RR@10", system="new", baseline="old", difference=change, p_holm=1.0).difference.wins
    2
    """

    metric: str
    system: str = field(kw_only=True)
    baseline: str = field(kw_only=True)
    difference: Difference = field(kw_only=True)
    p_holm: float = field(kw_only=True)

    @property
    def is_better(self) -> bool:
        """Whether the system is better by its mean: higher, or lower where less is better."""
        return (self.difference.mean > 0) != is_lower_better(self.metric) and self.difference.mean != 0

    @property
    def won(self) -> int:
        """On how many questions the system is better."""
        return self.difference.losses if is_lower_better(self.metric) else self.difference.wins

    @property
    def lost(self) -> int:
        """On how many questions it is worse."""
        return self.difference.wins if is_lower_better(self.metric) else self.difference.losses


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    Args:
        figures: by measure, then system: over the queries that this system was scored on.
        contrasts: over the queries that both systems were scored on.
        source: what was measured on, such as dataset and checksum; it is printed below the tables.
        seed: of resampling and tests.

    >>> from ragkit.evaluation.compare import compare
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
        return "\n\n".join(
            (self.figure_table().text(), self.difference_table().text(), "\n".join(self.notes()))
        )

    def markdown(self) -> str:
        """Both tables and the notes, for a page."""
        notes = "\n".join(f"- {note}" for note in self.notes())
        return "\n\n".join((self.figure_table().markdown(), self.difference_table().markdown(), notes))

    def figure_table(self) -> Table:
        """A row per system, a column per measure; n and what failed stand in every row."""
        rows = []
        for system in self.systems:
            figures = [by_system.get(system) for by_system in self.figures.values()]
            there = [figure for figure in figures if figure is not None]
            counts = (_range(figure.n for figure in there), _range(figure.failed for figure in there))
            rows.append((system, *map(_mean, figures), *counts))
        return Table(("system", *(f"{metric} [95 %]" for metric in self.figures), "n", "failed"), tuple(rows))

    def difference_table(self) -> Table:
        """A row per measure and system: how much higher it scores than the baseline, and how sure that is."""
        change = f"- {self.baseline} [95 %]"
        head = ("measure", "system", change, "effect", "p", "p Holm", "win/loss/tie", "detectable", "n")
        return Table(head, tuple(_row(contrast) for contrast in self.contrasts))

    def short_table(self) -> Table:
        """The same in fewer columns, for a narrow terminal."""
        head = ("measure", "system", f"- {self.baseline} [95 %]", "effect", "p Holm", "w/l/t")
        places = [0, 1, 2, 3, 5, 6]
        rows = (_row(contrast) for contrast in self.contrasts)
        return Table(head, tuple(tuple(row[place] for place in places) for row in rows))

    def notes(self) -> list[str]:
        """How to read the tables, and what to be wary of."""
        is_binary = any(contrast.difference.test == "McNemar" for contrast in self.contrasts)
        exact = ", or McNemar's exact test (M)" if is_binary else ""
        notes = [
            f"Intervals: BCa bootstrap of the mean. p: paired randomisation test{exact}, two-sided; "
            f"Holm over {len(self.contrasts)}. Effect: mean difference by its spread. Detectable: found in 4 "
            f"of 5 cases at p < .05. Seed {self.seed}.",
        ]
        if min(contrast.difference.n for contrast in self.contrasts) < FEW:
            notes.append(
                f"Fewer than {FEW} questions: intervals are too narrow and little can be told apart."
            )
        failed = max(figure.failed for figures in self.figures.values() for figure in figures.values())
        if failed:
            notes.append("Questions that failed are in no mean and no difference.")
        return [*notes, f"Data: {self.source}"] if self.source else notes


def _mean(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.3f}"
    return f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _range(counts: Iterable[int]) -> str:
    """One number where all are the same; measures may be defined on some of the questions alone."""
    found = sorted(set(counts))
    return "–" if not found else "–".join(f"{count:,}" for count in dict.fromkeys((found[0], found[-1])))


def _row(contrast: Contrast) -> tuple[str, ...]:
    d = contrast.difference
    interval = "" if d.low is None or d.high is None else f" [{d.low:+.3f}, {d.high:+.3f}]"
    return (
        contrast.metric,
        contrast.system,
        f"{d.mean:+.3f}{interval}",
        "" if d.effect is None else f"{d.effect:+.2f}",
        f"{probability(d.p)}{' M' if d.test == 'McNemar' else ''}",
        probability(contrast.p_holm),
        f"{contrast.won:,}/{contrast.lost:,}/{d.ties:,}",
        "" if d.detectable is None else f"{d.detectable:.3f}",
        f"{d.n:,}" if not d.failed else f"{d.n:,} ({d.failed:,} failed)",
    )
