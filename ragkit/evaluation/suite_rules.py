"""`fail_if:` and `baseline:` of a suite."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from ragkit.config.problems import Place, Problems, Spot, listed, shortened
from ragkit.config.tree import Entries, Entry, Items, Node, Text, is_null, shown
from ragkit.errors import EvalError
from ragkit.evaluation.rule import COUNTS, EXAMPLES, TIMES, Rule, parse_rule

_SUFFIXES = (".yaml", ".yml", ".json")


def read_rules(entry: Entry | None, metrics: Sequence[str], problems: Problems) -> list[Rule]:
    """The rules; what is wrong with the others is noted."""
    if entry is None or is_null(entry.node):
        return []
    at = Spot("fail_if", entry.place)
    if not isinstance(entry.node, Entries):
        problems.add(at, f"expected a mapping of measures to rules, got {shown(entry.node)}")
        return []
    known = [*dict.fromkeys(metrics), *COUNTS, *TIMES]
    rules: list[Rule] = []
    for metric, item in entry.node.entries.items():
        spot = at.key(metric, item.place)
        if metric not in known:
            hint = problems.nearest(metric, known)
            problems.add(spot, f"is not measured. Measured are: {listed(known)}.{hint}")
            continue
        nodes = item.node.nodes if isinstance(item.node, Items) else (item.node,)
        for node in nodes:
            rules += _rule(metric, node, spot, problems)
    return rules


def _rule(metric: str, node: Node, at: Spot, problems: Problems) -> list[Rule]:
    if not isinstance(node, Text) or is_null(node):
        problems.add(at, f"expected a rule such as {EXAMPLES}, got {shown(node)}")
        return []
    try:
        return [parse_rule(metric, node.value)]
    except EvalError as e:
        problems.add(Spot(at.path, node.place), str(e))
        return []


def refuse_changes(rules: Sequence[Rule], entry: Entry | None, problems: Problems, name: str) -> None:
    """Notes the rules that compare, where the suite `name` has nothing to compare with."""
    lines = entry.node.entries if entry and isinstance(entry.node, Entries) else {}
    for rule in rules:
        if rule.compares:
            problems.add(
                Spot("fail_if", entry.place if entry else Place(None)).key(
                    rule.metric, lines[rule.metric].place
                ),
                f"{rule.written!r} needs a baseline: name a pipeline or a file, such as "
                f"baseline: ../baselines/{name}.json",
            )


def read_baseline_key(
    entry: Entry | None, pipelines: Collection[str], problems: Problems, folder: Path
) -> str | Path | None:
    """A pipeline, or the path of a baseline."""
    if entry is None or not isinstance(entry.node, Text) or is_null(entry.node):
        return None
    written_as = entry.node.value
    if written_as in pipelines:
        return written_as
    if "/" in written_as or Path(written_as).suffix in _SUFFIXES:
        return Path(os.path.normpath(folder / written_as))
    hint = problems.nearest(written_as, pipelines)
    problems.add(
        Spot("baseline", entry.place),
        f"{shortened(written_as)!r} is neither a pipeline of this suite ({listed(pipelines)}) nor the "
        f"path of a baseline (name.json).{hint}",
    )
    return None
