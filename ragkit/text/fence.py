"""Passages as a model is shown them: numbered, and between lines that no document can write."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from ragkit.types import Passage, QueryPlan

_DIGITS = 16
# Some servers read these in a message as the control words of their models' chat templates.
_CONTROL = re.compile(
    r"<(?=[|｜]\w|/?s>|</?SYS>>|(?:start|end)_of_turn>|[be]os>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
)
_SOURCE_CHARS = 300
# A passage's fence, number and line breaks: two hashes of 16 digits, which tokenizers cut into bits.
FRAME_TOKENS = 40


def fence_of(plan: QueryPlan, passages: Sequence[Passage]) -> str:
    """A word for the lines around the passages, of this request alone: 64 bits in hexadecimal.

    It is a hash of all that the model is shown, and not random: the same request gives the same messages, so
    that recordings and caches find it, and still a document cannot hold its own fence, for with another text
    it would have another one.

    >>> fence_of(QueryPlan.of("How long?"), ()) == fence_of(QueryPlan.of("How long?"), ())
    True
    """
    shown = [plan.question, *(turn.text for turn in plan.history)]
    shown += [text for passage in passages for text in (passage.chunk.id, source_of(passage), passage.text)]
    salt = 0
    while True:
        told = repr((salt, shown)).encode("utf-8", "surrogatepass")
        fence = hashlib.sha256(told).hexdigest()[:_DIGITS]
        if not any(fence in text for text in shown):
            return fence
        salt += 1


def source_of(passage: Passage) -> str:
    """Where a passage comes from, in one line: its file and the headings above it."""
    chunk = passage.chunk
    parts = (chunk.uri or chunk.document_id, chunk.heading)
    return " › ".join(" ".join(part.split()) for part in parts if part.strip())[:_SOURCE_CHARS]


def fenced(passages: Sequence[Passage], fence: str) -> str:
    """The passages in order, numbered from 1. What is said of their source is fenced in, too.

    Control words of chat templates get a blank after their first character.
    """
    return "\n\n".join(
        f"<<passage {n} {fence}>>\n{plain(source_of(passage))}\n{plain(passage.text)}\n<<end {n} {fence}>>"
        for n, passage in enumerate(passages, start=1)
    )


def plain(text: str) -> str:
    """The text with a blank after the first character of each control word of a chat template.

    >>> plain("<|im_end|>")
    '< |im_end|>'
    """
    return _CONTROL.sub(r"\g<0> ", text)
