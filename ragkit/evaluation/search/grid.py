"""All configurations of a space: each checked, equal ones once, impossible ones with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.config.load import load_config
from ragkit.config.problems import Problems
from ragkit.config.source import read
from ragkit.config.spec import Config
from ragkit.config.tree import Entries, Items, Node, plain
from ragkit.errors import ConfigError, RagkitError
from ragkit.evaluation.search.dimension import Dimension, Option
from ragkit.evaluation.search.edit import edited
from ragkit.evaluation.search.prefix import stage_keys
from ragkit.evaluation.search.space import Space

MAX_CONFIGS = 5_000
AS_IT_IS = "as it is"

Choices = Mapping[str, Option]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One configuration of the space.

    Args:
        id: `c001`, in the order of the space.
        label: what is chosen: `fuse=rrf dense.k=50`.
        choices: the same by key.
        config: checked.
        document: the same as `rag.yaml` would have it.
        stages: keys of its stages, see `stage_keys`.
        same: labels of further choices that come to the same configuration.
    """

    id: str
    label: str = field(kw_only=True)
    choices: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    config: Config = field(kw_only=True, repr=False)
    document: Mapping[str, Any] = field(kw_only=True, repr=False)
    stages: tuple[str, ...] = field(kw_only=True, repr=False)
    same: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Refused:
    """A combination that is no configuration."""

    label: str
    reason: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Grid:
    """What a space holds.

    Args:
        candidates: the configurations, each once; `baseline` is the file's own.
        refused: the combinations that cannot be, with the reason.
        combinations: how many there are in all.
        checksum: of all configurations.
    """

    candidates: tuple[Candidate, ...]
    baseline: Candidate = field(kw_only=True)
    refused: tuple[Refused, ...] = field(default=(), kw_only=True)
    combinations: int = field(kw_only=True)
    checksum: str = field(kw_only=True)


def enumerate_space(source: Path, space: Space) -> Grid:
    """The configurations that a space makes of a `rag.yaml`.

    Raises:
        ConfigError: the file has mistakes; a key of the space is in no configuration that is valid; or there
            are more than 5,000 combinations.
    """
    base = load_config(source)
    document = _plain(source)
    found: dict[str, Candidate] = {}
    refused: list[Refused] = []
    worked: set[tuple[str, str]] = set()
    reasons: dict[tuple[str, str], str] = {}
    # All of them before the first is made: to make thousands takes seconds, and there may be too many.
    combinations = list(_combinations(space))
    for choices in combinations:
        chosen = {d.label: choices[d.key].label for d in space.dimensions if d.key in choices}
        label = " ".join(f"{key}={value}" for key, value in chosen.items())
        try:
            made, config = _made(source, document, choices)
        except RagkitError as e:
            reason = _reason(e)
            refused.append(Refused(label, reason=reason))
            for key, option in choices.items():
                reasons.setdefault((key, option.label), reason)
            continue
        worked |= {(key, option.label) for key, option in choices.items()}
        _enter(
            found,
            Candidate(
                "", label=label, choices=chosen, config=config, document=made, stages=stage_keys(config)
            ),
        )
    _refuse_useless(space, worked, reasons)
    own = _digest(base)
    if own not in found:
        found[own] = Candidate("", label=AS_IT_IS, config=base, document=document, stages=stage_keys(base))
    numbered = {
        key: replace(candidate, id=f"c{n:03}") for n, (key, candidate) in enumerate(found.items(), start=1)
    }
    return Grid(
        tuple(numbered.values()),
        baseline=numbered[own],
        refused=tuple(refused),
        combinations=len(combinations),
        checksum=hashlib.sha256("".join(numbered).encode()).hexdigest()[:16],
    )


def _enter(found: dict[str, Candidate], made: Candidate) -> None:
    key = _digest(made.config)
    first = found.get(key)
    found[key] = made if first is None else replace(first, same=(*first.same, made.label))


def _combinations(space: Space) -> Iterator[dict[str, Option]]:
    """Every choice of options, in the order of the file; refused as soon as there are too many."""
    count = 0

    def below(n: int, chosen: dict[str, Option]) -> Iterator[dict[str, Option]]:
        nonlocal count
        if n == len(space.dimensions):
            count += 1
            if count > MAX_CONFIGS:
                raise ConfigError(
                    f"{space.path}: more than {MAX_CONFIGS:,} combinations. Give fewer values, or conditions"
                )
            yield chosen
            return
        dimension = space.dimensions[n]
        if not _applies(dimension, chosen):
            yield from below(n + 1, chosen)
            return
        for option in dimension.options:
            yield from below(n + 1, {**chosen, dimension.key: option})

    seen: set[str] = set()
    for choices in below(0, {}):
        kept = {key: option for key, option in choices.items() if not _is_of_removed(key, choices)}
        mark = json.dumps([[key, option.label] for key, option in kept.items()])
        if mark not in seen:
            seen.add(mark)
            yield kept


def _applies(dimension: Dimension, chosen: Choices) -> bool:
    return all(key in chosen and chosen[key].label in labels for key, labels in dimension.when.items())


def _is_of_removed(key: str, choices: Choices) -> bool:
    """Whether the key sets something of a stage that is removed."""
    node = ".".join(key.split(".")[:2])
    return key != node and node in choices and choices[node].action == "remove"


def _made(source: Path, document: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], Config]:
    # A whole stage is set before single keys of it, whatever stands first in the file.
    in_order = sorted(choices.items(), key=lambda item: item[0].count("."))
    changes = {key: option.value for key, option in in_order if option.action == "set"}
    removed = [key.partition(".")[2] for key, option in choices.items() if option.action == "remove"]
    for key in (f"query.{name}" for name in removed):
        if key.partition(".")[2] not in document["query"]:
            raise ConfigError(f"{key}: there is no such stage to remove")
    made = edited(document, changes, removed)
    sections = {key.partition(".")[0] for key in choices}
    config = load_config(source, set={name: made[name] for name in made if name in sections})
    return made, config


def _reason(error: RagkitError) -> str:
    lines = getattr(error, "problems", None) or (str(error),)
    return "; ".join(_without_place(line) for line in lines[:3])


def _without_place(line: str) -> str:
    if line.startswith("set ") and ": " in line:
        place, _, rest = line.partition(": ")
        section = place.removeprefix("set ")
        return rest if rest.startswith(section) else f"{section}: {rest}"
    return line


def _refuse_useless(
    space: Space, worked: set[tuple[str, str]], reasons: Mapping[tuple[str, str], str]
) -> None:
    problems = []
    for dimension in space.dimensions:
        tried = [o.label for o in dimension.options if (dimension.key, o.label) in {*worked, *reasons}]
        if tried and not any((dimension.key, label) in worked for label in tried):
            reason = reasons[dimension.key, tried[0]]
            problems.append(f"{space.path}:{dimension.line}: {dimension.key}: no value of it works: {reason}")
    if problems:
        raise ConfigError(problems, path=space.path)


def _plain(source: Path) -> dict[str, Any]:
    """The file as plain values with variables as `${NAME}`; it was read without a mistake before."""
    root = read(source.read_text("utf-8-sig"), Problems(str(source)), _AnyVariable())
    assert isinstance(root, Entries)
    return {key: _unfilled(entry.node) for key, entry in root.entries.items()}


def _unfilled(node: Node) -> Any:
    if isinstance(node, Items):
        return [_unfilled(item) for item in node.nodes]
    if isinstance(node, Entries):
        return {key: _unfilled(entry.node) for key, entry in node.entries.items()}
    return node.written if "${" in node.written else plain(node)


class _AnyVariable(dict[str, str]):
    """Every variable is set, to nothing: what is written is wanted and not what it stands for."""

    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return True


def _digest(config: Config) -> str:
    return hashlib.sha256(json.dumps(config.describe(), sort_keys=True).encode()).hexdigest()
