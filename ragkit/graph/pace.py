"""What the nodes of a graph usually take, as measured on its runs so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# The weights of a smoothed mean and its deviation, as for round-trip times in RFC 6298, section 2.
MEAN_SHARE, DEVIATION_SHARE = 1 / 8, 1 / 4
# How much is added to the mean for what varies: about one run in twenty takes longer, where times are normal.
DEVIATIONS = 2.0
# What was given up would have taken longer, nobody knows how much: twice, as timers double in RFC 6298, 5.5.
BACKOFF = 2.0
# A node that is skipped is not measured. Its figure falls, so that it is tried again some time.
FORGOTTEN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Usual:
    """Seconds, tokens and US dollars that something usually takes, rather more than less; 0 if never seen."""

    seconds: float = 0.0
    tokens: float = field(default=0.0, kw_only=True)
    usd: float = field(default=0.0, kw_only=True)


class Smoothed:
    """A smoothed mean of figures, and how far they lie from it.

    >>> figure = Smoothed()
    >>> figure.add(2.0)
    >>> figure.usual
    2.0
    """

    __slots__ = ("_deviation", "_mean", "n")

    def __init__(self) -> None:
        self.n, self._mean, self._deviation = 0, 0.0, 0.0

    def add(self, figure: float) -> None:
        """Takes a figure into account."""
        if self.n:
            self._deviation += DEVIATION_SHARE * (abs(figure - self._mean) - self._deviation)
            self._mean += MEAN_SHARE * (figure - self._mean)
        else:
            self._mean = figure
        self.n += 1

    def exceed(self, figure: float) -> None:
        """Takes into account that a figure would have been larger than this one."""
        self._mean = max(self._mean, BACKOFF * figure)
        self.n += 1

    def forget(self) -> None:
        """Lets it fall a little."""
        self._mean *= 1 - FORGOTTEN_SHARE
        self._deviation *= 1 - FORGOTTEN_SHARE

    @property
    def usual(self) -> float:
        """The mean and what is added for its variation; 0 before the first figure."""
        return self._mean + DEVIATIONS * self._deviation


class Pace:
    """The figures of a graph's nodes, by name. Runs of several threads may add to them at once.

    Args:
        readers: for each node those that read it, in topological order.

    >>> pace = Pace({"generate": ["verify"], "verify": []})
    >>> pace.took("verify", Usual(0.5))
    >>> pace.after("generate").seconds
    0.5
    """

    def __init__(self, readers: Mapping[str, Sequence[str]]) -> None:
        self._readers = readers
        self._seconds = {name: Smoothed() for name in readers}
        self._tokens = {name: Smoothed() for name in readers}
        self._usd = {name: Smoothed() for name in readers}

    def took(self, node: str, what: Usual) -> None:
        """Enters a run of a node."""
        if node in self._seconds:
            self._seconds[node].add(what.seconds)
            self._tokens[node].add(what.tokens)
            self._usd[node].add(what.usd)

    def gave_up(self, node: str, seconds: float) -> None:
        """Enters that a node was not done after so many seconds."""
        if node in self._seconds:
            self._seconds[node].exceed(seconds)

    def skipped(self, node: str) -> None:
        """Enters that a node was done without."""
        for figures in (self._seconds, self._tokens, self._usd):
            figures[node].forget()

    def of(self, node: str) -> Usual:
        """What a node usually takes."""
        if node not in self._seconds:
            return Usual()
        return Usual(self._seconds[node].usual, tokens=self._tokens[node].usual, usd=self._usd[node].usual)

    def after(self, node: str) -> Usual:
        """What usually follows: seconds on the slowest way to the end, tokens and money of all ways."""
        seconds: dict[str, float] = {}
        behind = self._behind(node)
        for name in reversed([name for name in self._readers if name in behind or name == node]):
            following = max((seconds[reader] for reader in self._readers[name]), default=0.0)
            seconds[name] = following + (0.0 if name == node else self._seconds[name].usual)
        return Usual(
            seconds.get(node, 0.0),
            tokens=sum(self._tokens[name].usual for name in behind),
            usd=sum(self._usd[name].usual for name in behind),
        )

    def _behind(self, node: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self._readers.get(node, ()))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._readers[name])
        return found
