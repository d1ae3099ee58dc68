"""Dotted overrides laid over a tree: `{"collection.store": "prod", "query.rerank.k": 5}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ragkit.config.environment import substitute
from ragkit.config.problems import Place, Problems, Spot, listed, shortened
from ragkit.config.source import MAX_DEPTH
from ragkit.config.tree import Entries, Entry, Items, Node, Text, is_null

# Below these every key is a name that the file has to declare before a part of it can be set.
_NAMED = frozenset({"models", "stores", "query"})


class _UnusableError(Exception):
    """An override that cannot be laid over; the text says why."""


def override(
    root: Entries, changes: Mapping[str, Any], problems: Problems, env: Mapping[str, str]
) -> Entries:
    """The tree with `changes` laid over it, in their order; the tree itself is left as it is.

    A `str` is read like an unquoted scalar of the file, variables included, so the strings of a command line
    will do; a `Path` is taken as it is. A whole mapping may be given, and replaces what was there.
    """
    for key, value in changes.items():
        place = Place(None, str(key))
        try:
            node = _node(value, place, env)
            steps = tuple(str(key).split("."))
            root = _replaced(root, steps, 0, node)
        except _UnusableError as e:
            problems.add(Spot(shortened(str(key)), place), str(e))
    return root


def _replaced(here: Entries, steps: tuple[str, ...], depth: int, node: Node) -> Entries:
    step, place = steps[depth], node.place
    if not step:
        raise _UnusableError("expected keys joined by dots, for example query.rerank.k")
    found = here.entries.get(step)
    if depth == len(steps) - 1:
        entry = Entry(node, place)
    else:
        if found is None and depth == 1 and steps[0] in _NAMED:
            raise _UnusableError(
                f"nothing is named {step!r} under {steps[0]}; it has: {listed(here.entries)}"
            )
        below = _opened(found.node if found else None, ".".join(steps[: depth + 1]), depth, place)
        changed = _replaced(below, steps, depth + 1, node)
        entry = Entry(changed, found.place if found else place)
    return Entries({**here.entries, step: entry}, place=here.place)


def _opened(node: Node | None, path: str, depth: int, place: Place) -> Entries:
    """The mapping to set a key in: a short `retrieve/dense` is written out as `{use: retrieve/dense}`."""
    if node is None or is_null(node):
        return Entries({}, place=place)
    if isinstance(node, Entries):
        return node
    if isinstance(node, Text) and depth == 1:
        return Entries({"use": Entry(node, node.place)}, place=node.place)
    raise _UnusableError(f"{shortened(path)} is no mapping, so no key of it can be set; set it as a whole")


def _node(value: Any, place: Place, env: Mapping[str, str], depth: int = 0) -> Node:
    if depth > MAX_DEPTH:
        raise _UnusableError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        entries = {str(k): Entry(_node(v, place, env, depth + 1), place) for k, v in value.items()}
        return Entries(entries, place=place)
    if isinstance(value, list | tuple):
        return Items(tuple(_node(item, place, env, depth + 1) for item in value), place=place)
    if value is None:
        return Text("null", place=place, value="null")
    if isinstance(value, bool):
        return Text(str(value).lower(), place=place, value=str(value).lower())
    if isinstance(value, int | float):
        return Text(repr(value), place=place, value=repr(value))
    if isinstance(value, PurePath):
        return Text(str(value), place=place, value=str(value), is_quoted=True)
    if isinstance(value, str):
        put_in = substitute(value, env)
        if put_in.problems:
            raise _UnusableError("; ".join(put_in.problems))
        return Text(value, place=place, value=put_in.text, inserted=put_in.inserted)
    raise _UnusableError(f"expected a text, number, flag, list or mapping, got {type(value).__name__}")
