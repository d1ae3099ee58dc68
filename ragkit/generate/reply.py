"""What a model replied, read: an answer, a part of one, or the word for "the passages do not say"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ragkit.chat import Completion
from ragkit.errors import InvalidOutputError
from ragkit.text.sentences import sentence_spans
from ragkit.text.thoughts import without_thoughts

# No word that documents use: NO_ANSWER alone is a status of telephone calls.
NO_ANSWER = "NO_ANSWER_IN_PASSAGES"
# What a model writes around the word is no part of its answer either.
ABSTAINING = re.compile(r"[*_`\"'«\[(]*(?<![^\W_])NO[ _]ANSWER[ _]IN[ _]PASSAGES(?![^\W_])[*_`\"'»\])]*[.!]?")
_MARKER = re.compile(r"[\[【]\s*\d")
_MARKERS = re.compile(r"(?:\s*[\[【][\d\s,;\-–]+[\]】])+")
_ENDED = re.compile(r"[.!?…。！？](?:[»”\"')\]]|\s*[\[【][\d\s,;\-–]+[\]】])*\s*\Z")


@dataclass(frozen=True, slots=True)
class Reply:
    """What was made of a completion.

    Args:
        kind: `answer`; `part` where it was cut and the last sentence went; `abstention`.
        text: the answer, as the model wrote it; empty for an abstention.
    """

    kind: Literal["answer", "part", "abstention"]
    text: str


def read_reply(done: Completion) -> Reply:
    """What a completion says.

    Raises:
        InvalidOutputError: it says nothing, the provider withheld it, or it was cut before the first sentence
            ended. That is no abstention: the passages may well hold the answer.

    >>> read_reply(Completion("NO_ANSWER_IN_PASSAGES", model="m", finish_reason="stop")).kind
    'abstention'
    >>> read_reply(Completion("Two years. [1] It sta", model="m", finish_reason="length")).text
    'Two years. [1]'
    """
    if done.finish_reason == "content_filter":
        raise InvalidOutputError(
            f"{done.model}: the provider's filter withheld the answer. Use another model, or ask otherwise"
        )
    text = without_thoughts(done.text)
    is_cut = done.finish_reason == "length"
    if is_cut:
        text = _whole_sentences(text)
    if not text and is_cut:
        raise InvalidOutputError(
            f"{done.model}: the answer was cut before its first sentence ended. Raise max_tokens"
        )
    if not text:
        raise InvalidOutputError(f"{done.model}: the answer is empty. Ask again, or use another model")
    said = ABSTAINING.sub("", text).strip()
    if said != text and (not _MARKER.search(said) or ABSTAINING.match(text)):
        return Reply("abstention", "")
    return Reply("part" if is_cut else "answer", said)


def _whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence, its markers included."""
    if _ENDED.search(text):
        return text
    for span in reversed(sentence_spans(text)):
        markers = _MARKERS.match(text, span.end)
        so_far = text[: markers.end() if markers else span.end]
        if _ENDED.search(so_far):
            return so_far
    return ""
