"""A `rag.yaml` as plain values with some keys set and some stages removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ragkit.errors import ConfigError, did_you_mean
from ragkit.graph.spec import SOURCE

Document = dict[str, Any]


def edited(document: Mapping[str, Any], changes: Mapping[str, Any], removed: Sequence[str]) -> Document:
    """The document with values laid over it by dotted key, and without some nodes of `query:`.

    A node that read a removed one reads what that one read. Where a removed node was one of several that
    are read together, as an arm of a fusion is, it is left out of them.

    Args:
        document: what `rag.yaml` says, as plain values; it is left as it is.
        changes: by dotted key, in order: `{"query.fuse": {"use": "fuse/rrf"}, "query.fuse.k": 20}`.
        removed: names of nodes.

    Raises:
        ConfigError: a key cannot be set, or a node leaves nothing to read.

    >>> plain = {"query": {"a": {"use": "x/a"}, "b": {"use": "x/b"}, "c": "x/c"}}
    >>> edited(plain, {"query.c.k": 3}, ["b"])["query"]
    {'a': {'use': 'x/a'}, 'c': {'use': 'x/c', 'k': 3, 'in': ['a']}}
    """
    made = deepcopy(dict(document))
    for key, value in changes.items():
        _set(made, key.split("."), key, deepcopy(value))
    for name in removed:
        _remove(made["query"], name)
    return made


def _set(document: Document, steps: Sequence[str], key: str, value: Any) -> None:
    here = document
    for depth, step in enumerate(steps[:-1]):
        below = here.get(step)
        if isinstance(below, str) and depth == 1:
            below = {"use": below}  # `dense: retrieve/dense`, written out
        if below is None and depth == 1 and steps[0] in {"query", "models", "stores"}:
            known = list(here)
            raise ConfigError(
                f"{key}: nothing is named {step!r} under {steps[0]}.{did_you_mean(step, known)}"
            )
        if below is not None and not isinstance(below, dict):
            raise ConfigError(
                f"{key}: {'.'.join(steps[: depth + 1])} is no mapping, so no key of it can be set"
            )
        here[step] = {} if below is None else below
        here = here[step]
    if len(steps) == 2 and steps[0] == "query" and isinstance(value, dict) and "in" not in value:
        before = here.get(steps[1])
        if isinstance(before, dict) and "in" in before:
            # Another stage in the same place reads the same.
            value = {**value, "in": before["in"]}
    here[steps[-1]] = value


def _remove(query: Document, name: str) -> None:
    reads = _reads(query)
    given = reads[name]
    below = [node for node, inputs in reads.items() if name in inputs]
    if not below:
        raise ConfigError(f"query.{name}: it gives the answer, so it cannot be removed")
    for node in below:
        others = [other for other in reads[node] if other != name]
        # An arm is left out of what is fused; a step on the way is bridged.
        inputs = others or [other for other in given if other not in others]
        setting = query[node]
        query[node] = {**(setting if isinstance(setting, dict) else {"use": setting}), "in": inputs}
    del query[name]


def _reads(query: Document) -> dict[str, list[str]]:
    """What each node reads; the node above where it does not say."""
    found, above = {}, SOURCE
    for name, setting in query.items():
        inputs = setting.get("in") if isinstance(setting, dict) else None
        found[name] = [above] if inputs is None else [inputs] if isinstance(inputs, str) else list(inputs)
        above = name
    return found
