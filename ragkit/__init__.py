"""ragkit: retrieval-augmented generation with checked citations.

    import ragkit

    rag = ragkit.open("index/")
    rag.ingest("docs/")
    answer = rag.ask("How do I declare an optional query parameter?")

Names are imported when first used, so that `import ragkit` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.app import RAG, load, open  # noqa: A004
    from ragkit.errors import (
        BudgetError,
        ConfigError,
        CorruptIndexError,
        DocumentError,
        EvalError,
        FilterError,
        GateFailedError,
        GraphError,
        MissingExtraError,
        ModelError,
        QueryError,
        RagkitError,
        StageError,
        StageTimeoutError,
        StoreError,
        TenantError,
        TransientStoreError,
    )
    from ragkit.evaluation.evaluate import evaluate
    from ragkit.graph.stage import RunContext, Stage, fan_out, stage
    from ragkit.registry import register
    from ragkit.settings import Settings
    from ragkit.types import (
        Answer,
        Chunk,
        Citation,
        Context,
        Document,
        Hit,
        Passage,
        Query,
        QueryPlan,
        Ranking,
        Rankings,
        Sentence,
        Span,
        Turn,
        Usage,
    )

_HOME: dict[str, str] = {
    **dict.fromkeys(("RAG", "load", "open"), "ragkit.app"),
    **dict.fromkeys(
        (
            "BudgetError",
            "ConfigError",
            "CorruptIndexError",
            "DocumentError",
            "EvalError",
            "FilterError",
            "GateFailedError",
            "GraphError",
            "MissingExtraError",
            "ModelError",
            "QueryError",
            "RagkitError",
            "StageError",
            "StageTimeoutError",
            "StoreError",
            "TenantError",
            "TransientStoreError",
        ),
        "ragkit.errors",
    ),
    **dict.fromkeys(("RunContext", "Stage", "fan_out", "stage"), "ragkit.graph.stage"),
    "evaluate": "ragkit.evaluation.evaluate",
    "register": "ragkit.registry",
    "Settings": "ragkit.settings",
    **dict.fromkeys(
        (
            "Answer",
            "Chunk",
            "Citation",
            "Context",
            "Document",
            "Hit",
            "Passage",
            "Query",
            "QueryPlan",
            "Ranking",
            "Rankings",
            "Sentence",
            "Span",
            "Turn",
            "Usage",
        ),
        "ragkit.types",
    ),
}

__all__ = [
    "RAG",
    "Answer",
    "BudgetError",
    "Chunk",
    "Citation",
    "ConfigError",
    "Context",
    "CorruptIndexError",
    "Document",
    "DocumentError",
    "EvalError",
    "FilterError",
    "GateFailedError",
    "GraphError",
    "Hit",
    "MissingExtraError",
    "ModelError",
    "Passage",
    "Query",
    "QueryError",
    "QueryPlan",
    "RagkitError",
    "Ranking",
    "Rankings",
    "RunContext",
    "Sentence",
    "Settings",
    "Span",
    "Stage",
    "StageError",
    "StageTimeoutError",
    "StoreError",
    "TenantError",
    "TransientStoreError",
    "Turn",
    "Usage",
    "evaluate",
    "fan_out",
    "load",
    "open",
    "register",
    "stage",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("ragkit")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
