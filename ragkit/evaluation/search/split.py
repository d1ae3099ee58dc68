"""Questions in two parts: one to race on, one to confirm on; what shares a document stays together."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.errors import EvalError

LEAST = 10
"""Fewer questions than this in either part, and nothing can be said."""
_TOO_LARGE = 0.5


@dataclass(frozen=True, slots=True)
class Split:
    """The two parts.

    Args:
        race: question ids in the order they are asked, those of a cluster side by side.
        held_out: question ids that no decision of the race may look at.
        clusters: the cluster of every question.
        note: what has to be said of the clusters; empty where they are as wished.
    """

    race: tuple[str, ...]
    held_out: tuple[str, ...] = field(kw_only=True)
    clusters: Mapping[str, str] = field(kw_only=True, repr=False)
    note: str = field(default="", kw_only=True)


def split(documents: Mapping[str, Iterable[str]], *, held_out: float, seed: int) -> Split:
    """Splits questions by the documents that answer them.

    Questions that share a document, directly or through others, are one cluster and go to the same part.
    Where that joins more than half of them, they are told apart by their first document alone, and where that
    is the same for most of them, each stands for itself; the note then says so.

    Args:
        documents: by question, the documents that are relevant to it; without any it stands alone.
        held_out: the share of questions that is kept for the confirmation.
        seed: of the order and of who goes where.

    Raises:
        EvalError: there are too few questions for two parts.

    >>> parts = split({f"q{n}": [f"d{n // 2}"] for n in range(40)}, held_out=0.5, seed=0)
    >>> len(parts.race), len(parts.held_out)
    (20, 20)
    """
    sets = {question: sorted(set(ids)) for question, ids in documents.items()}
    clusters, note = _clusters(sets)
    n = len(sets)
    groups = _members(clusters)
    random.Random(seed).shuffle(groups)  # noqa: S311  (an order that can be made again, no secret)
    kept: list[list[str]] = []
    raced: list[list[str]] = []
    wanted, n_kept = round(held_out * n), 0
    for group in groups:
        if n_kept < wanted and n_kept + len(group) <= wanted + max(1, wanted // 10):
            kept.append(group)
            n_kept += len(group)
        else:
            raced.append(group)
    if n_kept < LEAST or n - n_kept < LEAST:
        raise EvalError(
            f"{n} questions make {n - n_kept} to race on and {n_kept} to confirm on: expected {LEAST} or "
            "more of each. Add questions, or change the share `held_out:` of the space file"
        )
    return Split(_flat(raced), held_out=_flat(kept), clusters=clusters, note=note)


def _clusters(sets: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], str]:
    """The strictest clusters of which none holds most of the questions, and what has to be said of them."""
    found = _joined(sets)
    if _are_small(found):
        return found, ""
    said = "more than half of the questions are joined by shared documents, so that they were split by "
    found = {question: ids[0] if ids else f"question {question}" for question, ids in sets.items()}
    if _are_small(found):
        return found, f"{said}their first relevant document alone: the parts are not fully independent"
    alone = {question: question for question in sets}
    return alone, f"{said}question: the parts are not independent, and intervals are too narrow"


def _are_small(clusters: Mapping[str, str]) -> bool:
    return all(len(group) <= _TOO_LARGE * len(clusters) for group in _members(clusters))


def _joined(sets: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The cluster of each question: the first question of those that hang together."""
    parent = {question: question for question in sets}

    def root(question: str) -> str:
        while parent[question] != question:
            parent[question] = parent[parent[question]]
            question = parent[question]
        return question

    first: dict[str, str] = {}
    for question, ids in sets.items():
        for document in ids:
            parent[root(question)] = root(first.setdefault(document, question))
    return {question: root(question) for question in sets}


def _members(clusters: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for question, cluster in clusters.items():
        groups.setdefault(cluster, []).append(question)
    return list(groups.values())


def _flat(groups: Iterable[list[str]]) -> tuple[str, ...]:
    return tuple(question for group in groups for question in group)
