"""What a call in LangChain says: a text, messages or a mapping with one of them, and for whom it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from ragkit.errors import QueryError
from ragkit_connectors.bridge.conversation import Conversation, conversation_of, turns_of
from ragkit_connectors.bridge.reader import NAMES

_QUESTIONS = ("question", "input", "query")
_HISTORIES = ("history", "chat_history")


def asked_of(asked: Any) -> tuple[Conversation, dict[str, Any]]:
    """The question with the turns before it, and what else a call says: `tenant`, `acl`, `filter`.

    Raises:
        QueryError: there is no question in it.

    >>> asked_of({"question": "How long?", "filter": {"year": 2025}})
    (Conversation(question='How long?', history=()), {'filter': {'year': 2025}})
    """
    if isinstance(asked, str):
        return Conversation(asked), {}
    if isinstance(asked, Mapping):
        options = {name: asked[name] for name in NAMES if asked.get(name) is not None}
        before = turns_of(next((asked[key] for key in _HISTORIES if asked.get(key)), ()))
        if asked.get("messages"):
            found = conversation_of(asked["messages"])
            return Conversation(found.question, history=(*before, *found.history)), options
        question = next((asked[key] for key in _QUESTIONS if asked.get(key) is not None), None)
        if not isinstance(question, str):
            keys = ", ".join(map(repr, asked)) or "nothing"
            raise QueryError(
                f"expected a question under 'question', 'input', 'query' or 'messages', got {keys}"
            )
        return Conversation(question, history=before), options
    if hasattr(asked, "to_messages"):
        return conversation_of(asked.to_messages()), {}
    if hasattr(asked, "content") and hasattr(asked, "type"):
        return conversation_of([asked]), {}
    if isinstance(asked, list | tuple):
        return conversation_of(asked), {}
    raise QueryError(f"expected a question, messages or a mapping with one, got {type(asked).__name__}")


def asked_in(config: RunnableConfig | None) -> dict[str, Any]:
    """What of `tenant`, `acl` and `filter` a call's `configurable` says."""
    given: Mapping[str, Any] = ensure_config(config).get("configurable") or {}
    return {name: given[name] for name in NAMES if given.get(name) is not None}
