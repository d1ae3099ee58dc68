"""Passages and citations of ours as nodes of LlamaIndex, each at its place in its document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.schema import NodeRelationship, NodeWithScore, ObjectType, RelatedNodeInfo, TextNode

from ragkit.types import Answer, Citation, Hit, Ranking
from ragkit_connectors.bridge.told import PLACE, citation_values, hit_values

# Said to no model: numbers and names that mean nothing to it, and would shift the vector of a passage.
_EMBED_HIDES = sorted({*PLACE, "own", "chunk_id", "marker", "support"})
_LLM_HIDES = sorted({*_EMBED_HIDES} - {"uri", "page", "heading"})


def nodes_of(ranking: Ranking) -> list[NodeWithScore]:
    """The hits as nodes, best first."""
    return [node_of(hit) for hit in ranking.hits]


def node_of(hit: Hit) -> NodeWithScore:
    """A hit as a node; its id is the chunk's, its start and end count characters of the document."""
    chunk = hit.chunk
    node = placed_node(
        chunk.id, chunk.text, chunk.document_id, (chunk.span.start, chunk.span.end), hit_values(hit)
    )
    return NodeWithScore(node=node, score=hit.score)


def cited_nodes(answer: Answer) -> list[NodeWithScore]:
    """What an answer cites, in its order: the very words, with their places.

    A node's score is how well its words support the sentence that cites them.
    """
    passages = () if answer.context is None else answer.context.passages
    cited = {citation.chunk_id for citation in answer.citations}
    told = {passage.chunk.id: hit_values(passage.hit) for passage in passages if passage.chunk.id in cited}
    return citation_nodes(answer.citations, told)


def citation_nodes(
    citations: Iterable[Citation], told: Mapping[str, Mapping[str, Any]]
) -> list[NodeWithScore]:
    """Citations as nodes.

    Args:
        citations: in order.
        told: metadata of the passages that they lie in, by the id of the chunk, where it is known.
    """
    nodes = []
    for citation in citations:
        values = citation_values(citation)
        quote = values.pop("quote")
        known = {key: value for key, value in values.items() if value is not None and value != ""}
        metadata = {**told.get(citation.chunk_id, {}), **known, "id": citation.chunk_id}
        node = placed_node(
            f"{citation.chunk_id}:{citation.start}-{citation.end}:{citation.marker}",
            quote,
            citation.document_id,
            (citation.start, citation.end),
            metadata,
        )
        nodes.append(NodeWithScore(node=node, score=citation.support))
    return nodes


def placed_node(
    id_: str, text: str, document_id: str, place: tuple[int, int], metadata: dict[str, Any]
) -> TextNode:
    """A node that stands in a document from the one character to the other."""
    source = RelatedNodeInfo(node_id=document_id, node_type=ObjectType.DOCUMENT)
    return TextNode(
        id_=id_,
        text=text,
        start_char_idx=place[0],
        end_char_idx=place[1],
        metadata=metadata,
        relationships={NodeRelationship.SOURCE: source},
        excluded_embed_metadata_keys=list(_EMBED_HIDES),
        excluded_llm_metadata_keys=list(_LLM_HIDES),
    )
