"""Nodes that LlamaIndex holds, for the stages of ragkit: each with its place, if it has one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from ragkit.errors import QueryError
from ragkit.types import Passage
from ragkit_connectors.bridge.beside import Held

# What LlamaIndex's citation engine writes before the text of each of its nodes.
_NUMBERED = re.compile(r"\ASource \d+:\n")
_SOURCES = ("file_path", "source", "url")


def held(nodes: Sequence[NodeWithScore]) -> list[Held]:
    """The nodes as passages that are held elsewhere.

    Raises:
        QueryError: a node says that it stands in a place that is too short for its text.
    """
    return [_held(node) for node in nodes]


def _held(found: NodeWithScore) -> Held:
    node, told, text = found.node, dict(found.node.metadata), _text(found)
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    if start is not None and end is not None:
        if "keep" not in told and end - start < len(text):
            raise QueryError(
                f"node {node.node_id!r} says that it stands from {start} to {end}, and its text has "
                f"{len(text)} characters: something has replaced it. Put this before what replaces texts, "
                "such as MetadataReplacementPostProcessor"
            )
        document = told.pop("document_id", node.ref_doc_id)
        if document is not None and text:
            told |= {"document_id": document, "start": start, "end": end}
            told.pop("keep", None)
    told.setdefault("uri", next((told[key] for key in _SOURCES if key in told), None))
    if found.score is not None:
        told.setdefault("score", found.score)
    return Held(text, metadata=told, id=node.node_id)


def _text(found: NodeWithScore) -> str:
    """A node's text, without what LlamaIndex's citation engine adds to it: a number, and metadata."""
    text: str = found.node.get_content()
    if _NUMBERED.match(text) is None:
        return text
    text = _NUMBERED.sub("", text).strip()
    header = found.node.get_metadata_str(MetadataMode.LLM)
    if text in header:
        return ""
    # The engine cuts after adding: what is left of the metadata before the text may be any end of it.
    tails = (header[start:] + "\n" for start in range(len(header)))
    return text[next((len(tail) for tail in tails if text.startswith(tail)), 0) :].lstrip()


def shortened(found: NodeWithScore, passage: Passage) -> NodeWithScore:
    """A node with what is left of it.

    Raises:
        QueryError: it is no node of text.
    """
    node, text, keep = found.node, passage.text, passage.keep
    if not isinstance(node, TextNode):
        raise QueryError(f"node {node.node_id!r} is {type(node).__name__}: expected a TextNode")
    start = end = None
    if len(keep) == 1:
        first = passage.chunk.span.start
        start = first + passage.chunk.text.index(text, keep[0].start - first)
        end = start + len(text)
    changed = {
        "text": text,
        "metadata": {**node.metadata, "keep": [[span.start, span.end] for span in keep]},
        "start_char_idx": start,
        "end_char_idx": end,
        "excluded_embed_metadata_keys": [*node.excluded_embed_metadata_keys, "keep"],
        "excluded_llm_metadata_keys": [*node.excluded_llm_metadata_keys, "keep"],
    }
    return NodeWithScore(node=node.model_copy(update=changed), score=found.score)
