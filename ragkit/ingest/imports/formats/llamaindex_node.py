"""A node of LlamaIndex as a passage: from its docstore, or from another store's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ragkit.ingest.imports.formats.rows import offset_of, text_of
from ragkit.protocols import ForeignPassage

_SOURCE = "1"  # the relationship to the document that a node was cut from
_CONTENT = "_node_content"


def unwrapped(passage: ForeignPassage) -> ForeignPassage:
    """The passage with what LlamaIndex says of it, where it keeps a node in the metadata of another store.

    >>> kept = {"_node_content": '{"metadata": {"file_path": "a.md"}, "start_char_idx": 7}', "doc_id": "d"}
    >>> found = unwrapped(ForeignPassage("n", "One.", kept))
    >>> found.metadata, found.source, found.start
    ({'file_path': 'a.md'}, 'a.md', 7)
    """
    content = passage.metadata.get(_CONTENT) if isinstance(passage.metadata, Mapping) else None
    if not isinstance(content, str) or not isinstance(passage.id, str):
        return passage
    try:
        node = json.loads(content)
    except (ValueError, RecursionError):
        return passage
    if not isinstance(node, dict):
        return passage
    found = passage_of(passage.id, {**node, "text": passage.text})
    return replace(found, problem=passage.problem or found.problem)


def passage_of(key: str, node: Mapping[str, Any]) -> ForeignPassage:
    """A node as LlamaIndex writes it to JSON, as a passage with this id."""
    metadata, text = node.get("metadata"), text_in(node)
    cut_from = _cut_from(node)
    start, end = offset_of(node.get("start_char_idx")), offset_of(node.get("end_char_idx"))
    problem = None
    if start is not None and end is not None and isinstance(text, str) and end - start != len(text):
        problem = (
            f"its offsets {start} to {end} are not of the length of its text, {len(text)} characters. "
            "Leave offsets out of account with --ignore-offsets"
        )
    known: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    label = known.get("page_label")
    return ForeignPassage(
        key,
        text,
        {} if metadata is None else metadata,
        source=source_of(node, cut_from),
        part=cut_from or "",
        start=start,
        page=int(label) if isinstance(label, str) and label.isdecimal() and len(label) < 7 else None,
        embedded=_embedded(node, text, known),
        problem=problem,
    )


def text_in(node: Mapping[str, Any]) -> Any:
    """What a node says, wherever its version of LlamaIndex keeps it."""
    text = node.get("text")
    if text is None and isinstance(node.get("text_resource"), Mapping):
        text = node["text_resource"].get("text")
    return text


def _cut_from(node: Mapping[str, Any]) -> str | None:
    relationships = node.get("relationships")
    source = relationships.get(_SOURCE) if isinstance(relationships, Mapping) else None
    return text_of(source.get("node_id")) if isinstance(source, Mapping) else None


def source_of(node: Mapping[str, Any], otherwise: str | None) -> str | None:
    """The file that a node is from, by its metadata."""
    metadata = node.get("metadata")
    named = text_of(metadata.get("file_path")) if isinstance(metadata, Mapping) else None
    return named or otherwise


def _embedded(node: Mapping[str, Any], text: Any, metadata: Mapping[str, Any]) -> str | None:
    """What LlamaIndex embeds of a node: its metadata in lines, then its text, by the templates it keeps."""
    left_out = node.get("excluded_embed_metadata_keys")
    kept = {k: v for k, v in metadata.items() if not isinstance(left_out, list) or k not in left_out}
    if not isinstance(text, str) or not kept:
        return None
    # Plain replacement: a template is data of the index, and `str.format` would look into what it names.
    one = _template(node, "metadata_template", "{key}: {value}")
    lines = [one.replace("{key}", k, 1).replace("{value}", str(v), 1) for k, v in kept.items()]
    separator = _template(node, "metadata_separator", _template(node, "metadata_seperator", "\n"))
    whole = _template(node, "text_template", "{metadata_str}\n\n{content}")
    return whole.replace("{metadata_str}", separator.join(lines), 1).replace("{content}", text, 1).strip()


def _template(node: Mapping[str, Any], name: str, otherwise: str) -> str:
    found = node.get(name)
    return found if isinstance(found, str) else otherwise
