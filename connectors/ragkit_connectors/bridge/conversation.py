"""A conversation as other libraries keep it → the last question, and the turns before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.errors import QueryError
from ragkit.types import Turn
from ragkit_connectors.chat.told import get, text_of

_ROLES: Mapping[str, Literal["user", "assistant"]] = {
    **dict.fromkeys(("user", "human", "HumanMessageChunk"), "user"),
    **dict.fromkeys(("assistant", "ai", "AIMessageChunk", "model", "chatbot"), "assistant"),
}


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is asked, and what was said before."""

    question: str
    history: tuple[Turn, ...] = field(default=(), kw_only=True)


def conversation_of(messages: Iterable[Any]) -> Conversation:
    """The last message as the question; it must be the user's.

    Raises:
        QueryError: there is no message, the last one is not the user's, or one is none.

    >>> conversation_of([("user", "How long?"), ("assistant", "Two years."), ("user", "And then?")]).question
    'And then?'
    """
    turns = turns_of(messages)
    if not turns or turns[-1].role != "user":
        raise QueryError("messages: expected the question of the user as the last one")
    return Conversation(turns[-1].text, history=turns[:-1])


def turns_of(messages: Iterable[Any]) -> tuple[Turn, ...]:
    """Messages as turns, in order. Those of systems and tools, and those without text, are left out.

    Args:
        messages: objects with a role or type and a content, pairs of both, mappings, or turns.

    Raises:
        QueryError: one is nothing of the kind.
    """
    turns = []
    for message in messages:
        role, content = _parts(message)
        known, text = _ROLES.get(role), text_of(content)
        if known is not None and text.strip():
            turns.append(Turn(known, text))
    return tuple(turns)


def _parts(message: Any) -> tuple[str, Any]:
    if isinstance(message, tuple | list) and len(message) == 2:
        return str(message[0]), message[1]
    role = get(message, "role") or get(message, "type")
    contents = [get(message, key) for key in ("content", "text") if _has(message, key)]
    if role is None or not contents:
        kind = type(message).__name__
        raise QueryError(f"history: expected messages with a role and a text, got {kind}")
    # An assistant that only calls tools says nothing: its content is None.
    return str(getattr(role, "value", role)), next((c for c in contents if c is not None), "")


def _has(message: Any, key: str) -> bool:
    return key in message if isinstance(message, Mapping) else hasattr(message, key)
