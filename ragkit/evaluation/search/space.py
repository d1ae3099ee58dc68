"""The space file: which keys of a `rag.yaml` may have which values.

objective: max nDCG@10, min latency.p95
held_out: 0.3                                          # the share of questions the winner is confirmed on
race: {first: 30, alpha: 0.05}
space:
  query.dense.k: [20, 50, 100]                         # one of these values
  query.fuse:                                          # one of these stages, each with a name
    one_of:
      rrf: {use: fuse/rrf, k: 10}
      weighted: {use: fuse/weighted, k: 10}
  query.fuse.normalize: {values: [ceiling, minmax], when: {query.fuse: weighted}}
  query.fuse.k: {from: 5, to: 20, step: 5}             # 5, 10, 15, 20
  query.compress.budget_tokens: {from: 200, to: 3200, log: 5}   # 5 values, each twice the one before
  query.compress: [keep, remove]                       # as the file has it, or without this stage
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.config.problems import Place, Problems, Spot, shortened
from ragkit.config.source import read
from ragkit.config.tree import Entries, Entry, Node, Text, as_integer, as_number, shown, written
from ragkit.errors import ConfigError, did_you_mean
from ragkit.evaluation.search.dimension import Dimension, read_dimension
from ragkit.evaluation.search.objective import Objective, parse_objectives

_KEYS = ("space", "objective", "held_out", "race")
_RACE_KEYS = ("first", "alpha")
_SECTIONS = ("models", "stores", "collection", "ingest", "query")


@dataclass(frozen=True, slots=True)
class Space:
    """What a space file says.

    Args:
        dimensions: in the order of the file.
        objectives: what is searched for; empty where the file does not say.
        held_out: the share of questions that the winner is confirmed on.
        first: how many questions every configuration is asked before the first is dropped.
        alpha: the probability that any configuration is called worse than its equal.
        path: the file.
    """

    dimensions: tuple[Dimension, ...]
    objectives: tuple[Objective, ...] = field(default=(), kw_only=True)
    held_out: float = field(default=0.3, kw_only=True)
    first: int = field(default=30, kw_only=True)
    alpha: float = field(default=0.05, kw_only=True)
    path: str = field(default="<text>", kw_only=True)


def load_space(source: str | Path) -> Space:
    """Reads a space file; a `str` with a line break in it is taken for the text itself.

    Raises:
        ConfigError: it cannot be read, or has mistakes: all of them, each with its line.

    >>> space = load_space("space:\\n  query.fuse.k: [5, 10]\\n")
    >>> space.dimensions[0].key, [option.label for option in space.dimensions[0].options]
    ('query.fuse.k', ['5', '10'])
    """
    text, name = _text_of(source)
    problems = Problems(name)
    root = read(text, problems, {})
    space = None
    if isinstance(root, Entries):
        space = _Reader(problems, name).space(root)
    elif not problems.found:
        problems.add(Spot("", Place(1)), f"expected a mapping with the keys {', '.join(_KEYS)}")
    if problems.found or space is None:
        raise problems.error()
    return space


class _Reader:
    def __init__(self, problems: Problems, name: str) -> None:
        self.problems = problems
        self.name = name

    def space(self, root: Entries) -> Space | None:
        self._refuse_unknown(root, Spot("", root.place), _KEYS)
        entry = root.entries.get("space")
        if entry is None:
            self.problems.add(Spot("space", Place(1)), "required and missing: the keys to try values of")
            return None
        if not isinstance(entry.node, Entries) or not entry.node.entries:
            message = f"expected keys of rag.yaml with their values, got {shown(entry.node)}"
            self.problems.add(Spot("space", entry.place), message)
            return None
        race = self._race(root.entries.get("race"))
        return Space(
            self._dimensions(entry.node),
            objectives=self._objectives(root.entries.get("objective")),
            held_out=self._share(root.entries.get("held_out")),
            first=race.get("first", 30),
            alpha=race.get("alpha", 0.05),
            path=self.name,
        )

    def _dimensions(self, entries: Entries) -> tuple[Dimension, ...]:
        found: dict[str, Dimension] = {}
        for key, entry in entries.entries.items():
            spot = Spot(key, entry.place)
            section = key.partition(".")[0]
            if section not in _SECTIONS or not all(key.split(".")) or "." not in key:
                hint = did_you_mean(section, _SECTIONS)
                self.problems.add(spot, f"expected a dotted key of rag.yaml, for example query.fuse.k.{hint}")
                continue
            dimension = read_dimension(key, entry, spot, self.problems, found)
            if dimension is not None:
                found[key] = dimension
        return tuple(found.values())

    def _objectives(self, entry: Entry | None) -> tuple[Objective, ...]:
        if entry is None:
            return ()
        value = written(entry.node)
        try:
            return parse_objectives(value if isinstance(value, str) else str(value))
        except ConfigError as e:
            self.problems.add(Spot("objective", entry.place), str(e))
            return ()

    def _share(self, entry: Entry | None) -> float:
        if entry is None:
            return 0.3
        number = _number(entry.node)
        if number is None or not 0.1 <= number <= 0.8:
            message = f"expected a share from 0.1 to 0.8, got {shown(entry.node)}"
            self.problems.add(Spot("held_out", entry.place), message)
            return 0.3
        return number

    def _race(self, entry: Entry | None) -> dict[str, Any]:
        if entry is None:
            return {}
        spot = Spot("race", entry.place)
        if not isinstance(entry.node, Entries):
            self.problems.add(spot, f"expected a mapping with first and alpha, got {shown(entry.node)}")
            return {}
        self._refuse_unknown(entry.node, spot, _RACE_KEYS)
        race: dict[str, Any] = {}
        for key, item in entry.node.entries.items():
            if key == "first":
                whole = as_integer(item.node) if isinstance(item.node, Text) else None
                if whole is None or not 5 <= whole <= 100_000:
                    self._wrong(spot.key(key, item.place), "a whole number from 5", item.node)
                race[key] = whole or 30
            elif key == "alpha":
                number = _number(item.node)
                if number is None or not 0.001 <= number <= 0.5:
                    self._wrong(spot.key(key, item.place), "a probability from 0.001 to 0.5", item.node)
                race[key] = number or 0.05
        return race

    def _wrong(self, spot: Spot, expected: str, node: Node) -> None:
        self.problems.add(spot, f"expected {expected}, got {shown(node)}")

    def _refuse_unknown(self, entries: Entries, spot: Spot, known: tuple[str, ...]) -> None:
        for key, entry in entries.entries.items():
            if key not in known:
                near = self.problems.nearest(key, known)
                message = f"unknown key. Keys of {spot.path or 'the file'}: {', '.join(known)}.{near}"
                self.problems.add(spot.key(key, entry.place), message)


def _number(node: Node) -> float | None:
    return as_number(node) if isinstance(node, Text) else None


def _text_of(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and "\n" in source:
        return source, "<text>"
    path = Path(source)
    try:
        return path.read_bytes().decode("utf-8-sig"), str(path)
    except FileNotFoundError:
        reason = "no such file. What it holds is shown in docs/guide/search-config.md"
    except UnicodeDecodeError as e:
        reason = f"not UTF-8 text at byte {e.start}. Save it as UTF-8"
    except (OSError, ValueError) as e:
        reason = f"cannot be read: {getattr(e, 'strerror', None) or e}"
    raise ConfigError(f"{shortened(str(path), 300)}: {reason}", path=str(path))


def described(space: Space) -> Mapping[str, Any]:
    """The space as plain values, to tell whether two are the same."""
    return {
        "dimensions": [
            [d.key, [[o.label, o.value, o.action] for o in d.options], sorted(d.when.items())]
            for d in space.dimensions
        ],
        "held_out": space.held_out,
        "first": space.first,
        "alpha": space.alpha,
    }
