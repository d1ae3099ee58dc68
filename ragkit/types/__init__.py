"""The values that travel through ragkit: frozen, slotted, and complete enough to be handed on alone.

    Document → Chunk                       ingestion
    Query, QueryPlan → Rankings → Ranking → Context → Answer      a question

Positions are `Span`s in characters of the document's canonical text, end exclusive, and
`document.text[chunk.span.start:chunk.span.end] == chunk.text` always holds.
"""

from __future__ import annotations

from ragkit.types.answers import (
    AbstainReason,
    Answer,
    Cached,
    Citation,
    Correction,
    Sentence,
    Usage,
)
from ragkit.types.documents import (
    Chunk,
    Document,
    Metadata,
    MetadataValue,
    ReadSentence,
    Scalar,
    Section,
    Span,
)
from ragkit.types.questions import (
    Query,
    QueryPlan,
    Turn,
)
from ragkit.types.rankings import (
    ArmRanking,
    Context,
    Hit,
    Passage,
    Ranking,
    Rankings,
)
from ragkit.types.unread import Unread

__all__ = [
    "AbstainReason",
    "Answer",
    "ArmRanking",
    "Cached",
    "Chunk",
    "Citation",
    "Context",
    "Correction",
    "Document",
    "Hit",
    "Metadata",
    "MetadataValue",
    "Passage",
    "Query",
    "QueryPlan",
    "Ranking",
    "Rankings",
    "ReadSentence",
    "Scalar",
    "Section",
    "Sentence",
    "Span",
    "Turn",
    "Unread",
    "Usage",
]
