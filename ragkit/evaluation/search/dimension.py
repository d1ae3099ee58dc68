"""One key of a space file with its options and the condition under which it is varied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ragkit.config.problems import Problems, Spot, listed, shortened
from ragkit.config.tree import Entries, Entry, Items, Node, Text, as_integer, as_number, shown, written

KEEP, REMOVE = "keep", "remove"
MAX_OPTIONS = 200
_KEYS = ("values", "one_of", "from", "to", "step", "log", "when")

Action = Literal["set", "keep", "remove"]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: a value, the file's own, or the stage removed.

    Args:
        label: what it is called in tables and conditions.
        value: for `set`, the value as `rag.yaml` has it.
    """

    label: str
    value: Any = field(default=None, kw_only=True)
    action: Action = field(default="set", kw_only=True)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dotted key with its options.

    Args:
        key: of `rag.yaml`.
        options: at least one, with different labels.
        when: by key of a dimension above, the labels under which this one is varied.
        line: where it stands.
    """

    key: str
    options: tuple[Option, ...] = field(kw_only=True)
    when: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)
    line: int | None = field(default=None, kw_only=True)

    @property
    def label(self) -> str:
        """The key as tables show it: without `query.`."""
        return self.key.removeprefix("query.")


def read_dimension(
    key: str, entry: Entry, spot: Spot, problems: Problems, above: Mapping[str, Dimension]
) -> Dimension | None:
    """The dimension that an entry of `space:` describes; None after a mistake, which is noted.

    Args:
        key, entry, spot: the dotted key, what stands there, and where.
        problems: takes the mistakes.
        above: the dimensions that stand above it, which a condition may name.
    """
    before = len(problems.found)
    when: dict[str, tuple[str, ...]] = {}
    if isinstance(entry.node, Items):
        options = _listed(entry.node, key, spot, problems)
    elif isinstance(entry.node, Entries):
        options = _described(entry.node, key, spot, problems)
        if "when" in entry.node.entries:
            when = _condition(entry.node.entries["when"], spot, problems, above)
    else:
        problems.add(spot, f"expected a list of values or a range, got {shown(entry.node)}")
        return None
    labels = [option.label for option in options]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        problems.add(spot, f"the value {shortened(twice)} is there twice")
    if len(options) > MAX_OPTIONS:
        problems.add(spot, f"{len(options)} values: expected at most {MAX_OPTIONS}")
    if not options and len(problems.found) == before:
        problems.add(spot, "expected at least one value")
    if len(problems.found) > before:
        return None
    return Dimension(key, options=tuple(options), when=MappingProxyType(when), line=spot.place.line)


def _listed(items: Items, key: str, spot: Spot, problems: Problems) -> list[Option]:
    values = [written(node) for node in items.nodes]
    return [
        option
        for n, value in enumerate(values)
        if (option := _option(value, key, spot.item(n, items.nodes[n].place), problems, values)) is not None
    ]


def _option(
    value: Any, key: str, spot: Spot, problems: Problems, others: Sequence[Any], label: str = ""
) -> Option | None:
    if value == KEEP:
        return Option(label or KEEP, action="keep")
    if value == REMOVE:
        if not key.startswith("query.") or key.count(".") != 1:
            problems.add(spot, "only a stage can be removed: expected a key such as query.compress")
            return None
        return Option(label or REMOVE, action="remove")
    return Option(label or _label(value, others), value=value)


def _label(value: Any, others: Sequence[Any]) -> str:
    """A short name: of a stage its last word, with the settings that tell it from others of its kind."""
    if not isinstance(value, dict):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    use = str(value.get("use", ""))
    alike = [
        other for other in others if isinstance(other, dict) and other.get("use", "") == value.get("use", "")
    ]
    telling = [k for k in value if k != "use" and any(o.get(k) != value[k] for o in alike)]
    telling += [k for o in alike for k in o if k not in value and k not in telling]
    settings = ",".join(f"{k}={value.get(k, 'default')}" for k in telling)
    name = use.rpartition("/")[2]
    return f"{name}({settings})" if settings and name else name or settings or "{}"


def _described(entries: Entries, key: str, spot: Spot, problems: Problems) -> list[Option]:
    """The options of a mapping: `values`, `one_of`, or a range."""
    given = entries.entries
    for word, entry in given.items():
        if word not in _KEYS:
            near = problems.nearest(word, _KEYS)
            problems.add(spot.key(word, entry.place), f"unknown key. Keys here: {', '.join(_KEYS)}.{near}")
    kinds = [word for word in ("values", "one_of", "from") if word in given]
    if len(kinds) != 1:
        got = f"got {' and '.join(kinds)}" if kinds else "got none of them"
        problems.add(spot, f"expected one of: values, one_of, or a range of from and to; {got}")
        return []
    if kinds != ["from"]:
        for word in ("to", "step", "log"):
            if word in given:
                problems.add(spot.key(word, given[word].place), "belongs to a range: expected from beside it")
    node = given[kinds[0]].node
    at = spot.key(kinds[0], given[kinds[0]].place)
    if kinds == ["values"]:
        if isinstance(node, Items):
            return _listed(node, key, at, problems)
        problems.add(at, f"expected a list, got {shown(node)}")
        return []
    if kinds == ["one_of"]:
        if not isinstance(node, Entries):
            problems.add(at, f"expected names, each with a value, got {shown(node)}")
            return []
        named = {name: written(entry.node) for name, entry in node.entries.items()}
        return [
            option
            for name, value in named.items()
            if (option := _option(value, key, at.key(name), problems, (), name)) is not None
        ]
    return [Option(str(value), value=value) for value in _range(given, spot, problems)]


def _range(given: Mapping[str, Entry], spot: Spot, problems: Problems) -> list[float | int]:
    numbers: dict[str, float] = {}
    whole = True
    for word in ("from", "to", "step", "log"):
        if word not in given:
            continue
        node = given[word].node
        number = as_number(node) if isinstance(node, Text) else None
        if number is None or (word == "log" and not _is_count(node)):
            wanted = "a whole number, how many values" if word == "log" else "a number"
            problems.add(spot.key(word, given[word].place), f"expected {wanted}, got {shown(node)}")
            return []
        numbers[word] = number
        whole = whole and (word == "log" or "." not in str(written(node)))
    if "to" not in numbers or ("step" in numbers) == ("log" in numbers):
        problems.add(spot, "a range needs from, to, and either step or log: {from: 5, to: 20, step: 5}")
        return []
    low, high = numbers["from"], numbers["to"]
    if low >= high:
        problems.add(spot, f"expected from below to, got {low:g} and {high:g}")
        return []
    if "step" in numbers:
        return _steps(low, high, numbers["step"], whole, spot, problems)
    if low <= 0:
        problems.add(spot, f"a range on a logarithmic scale starts above 0, got {low:g}")
        return []
    n = int(numbers["log"])
    scaled = [low * (high / low) ** (i / (n - 1)) for i in range(n)]
    return list(dict.fromkeys(round(v) if whole else float(f"{v:.6g}") for v in scaled))


def _steps(
    low: float, high: float, step: float, whole: bool, spot: Spot, problems: Problems
) -> list[float | int]:
    if step <= 0:
        problems.add(spot, f"expected a step above 0, got {step:g}")
        return []
    n = math.floor((high - low) / step + 1e-9) + 1
    if n > MAX_OPTIONS:
        problems.add(spot, f"{n} values: expected at most {MAX_OPTIONS}. Use a larger step")
        return []
    values = [low + i * step for i in range(n)]
    return [round(v) if whole else round(v, 10) for v in values]


def _is_count(node: Node) -> bool:
    count = as_integer(node) if isinstance(node, Text) else None
    return count is not None and 2 <= count <= MAX_OPTIONS


def _condition(
    entry: Entry, spot: Spot, problems: Problems, above: Mapping[str, Dimension]
) -> dict[str, tuple[str, ...]]:
    at = spot.key("when", entry.place)
    if not isinstance(entry.node, Entries) or not entry.node.entries:
        problems.add(at, f"expected a key that stands above with its values, got {shown(entry.node)}")
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for key, item in entry.node.entries.items():
        place = at.key(key, item.place)
        if key not in above:
            near = problems.nearest(key, above)
            problems.add(place, f"no such key stands above it; there are: {listed(above)}.{near}")
            continue
        nodes = item.node.nodes if isinstance(item.node, Items) else (item.node,)
        labels = tuple(_label(written(node), ()) for node in nodes)
        known = [option.label for option in above[key].options]
        for label in labels:
            if label not in known:
                near = problems.nearest(label, known)
                problems.add(place, f"{shortened(label)} is no value of it; it has: {listed(known)}.{near}")
        found[key] = labels
    return found
