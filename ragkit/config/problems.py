"""Mistakes of a configuration, gathered until all are known, each with the place it was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ragkit.errors import ConfigError, did_you_mean

MAX_LISTED = 100
_LONGEST_WORD = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a line of the file, or the dotted key of an entry of `set`."""

    line: int | None
    override: str | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A value's address, for people (`query.rerank.k`), and the place where it was written."""

    path: str
    place: Place

    def key(self, name: str, place: Place | None = None) -> Spot:
        """The spot of a key below this one."""
        name = shortened(name)
        return Spot(f"{self.path}.{name}" if self.path else name, place or self.place)

    def item(self, index: int, place: Place | None = None) -> Spot:
        """The spot of an item of the list at this one, counting from 0."""
        return Spot(f"{self.path}[{index}]", place or self.place)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake."""

    spot: Spot
    message: str

    def line_in(self, file: str) -> str:
        """The mistake as one line: `rag.yaml:14: query.rerank.k: what is wrong`."""
        place, path = self.spot.place, self.spot.path
        if place.override is not None:
            inner = "" if path == place.override else f"{path}: "
            return f"set {shortened(place.override)}: {inner}{self.message}"
        address = file if place.line is None else f"{file}:{place.line}"
        return f"{address}: {path}: {self.message}" if path else f"{address}: {self.message}"


class Problems:
    """The mistakes found so far in one configuration.

    >>> problems = Problems("rag.yaml")
    >>> problems.add(Spot("query.rerank.k", Place(14)), "expected a whole number >= 1, got 0")
    >>> str(problems.error())
    'rag.yaml:14: query.rerank.k: expected a whole number >= 1, got 0'
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, spot: Spot, message: str) -> None:
        """Notes a mistake."""
        self.found.append(Problem(spot, message))

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """` Did you mean 'x'?` or nothing.

        The comparison is quadratic in the word's length and runs once per mistake, so it is spared for
        words that no one mistyped and for mistakes that will not be listed.
        """
        if len(word) > _LONGEST_WORD or len(self.found) >= MAX_LISTED:
            return ""
        return did_you_mean(word, known)

    def fork(self) -> Problems:
        """An empty list for the same file, to try one reading of several."""
        return Problems(self.file)

    def error(self) -> ConfigError:
        """All mistakes as one error, by line; those of `set` come last. At most `MAX_LISTED` are listed."""
        ordered = sorted(self.found, key=_rank)
        lines = [problem.line_in(self.file) for problem in ordered[:MAX_LISTED]]
        if len(ordered) > MAX_LISTED:
            lines.append(f"{self.file}: and {len(ordered) - MAX_LISTED} more")
        line = ordered[0].spot.place.line if ordered else None
        return ConfigError(lines, path=self.file, line=line)


def _rank(problem: Problem) -> tuple[bool, int]:
    place = problem.spot.place
    return place.override is not None, place.line or 0


def shortened(text: str, limit: int = 60) -> str:
    """`text` cut to `limit` characters; line breaks and control characters are shown as escapes."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def listed(names: Iterable[str], limit: int = 16) -> str:
    """`a, b, c`, with ` and N more` past `limit`; `none` when there is nothing."""
    every = [shortened(name) for name in names]
    if not every:
        return "none"
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
