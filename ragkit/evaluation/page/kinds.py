"""What a node of a graph is there for, which gives it its colour and its words on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

KINDS = ("corpus", "retrieval", "fusion", "rerank", "compression", "generation", "verification", "other")
"""In the order of the work; `corpus` is what no stage could have found."""

_BY_ROLE = {
    "query": "retrieval",
    "retrieve": "retrieval",
    "fuse": "fusion",
    "rerank": "rerank",
    "compress": "compression",
    "generate": "generation",
    "verify": "verification",
}
_BY_NAME = {"corpus": "corpus", "answer": "generation"}


def kind_of(name: str, graph: Sequence[tuple[str, str]]) -> str:
    """The kind of a node, or of what else can be to blame: `corpus`, several retrievers at once.

    >>> kind_of("sparse", [("dense", "retrieve/dense"), ("sparse", "retrieve/bm25")])
    'retrieval'
    """
    by_node = {node: _BY_ROLE.get(use.partition("/")[0], "other") for node, use in graph}
    for one in (name, *re.split(r"[\s,+|&]+", name)):
        kind = by_node.get(one) or _BY_NAME.get(one) or _BY_ROLE.get(one)
        if kind:
            return kind
    return name if name in KINDS else "other"


def is_time(measure: str) -> bool:
    """Whether it is measured in seconds: it then stands with all else that differs from run to run."""
    return measure.startswith("latency.")
