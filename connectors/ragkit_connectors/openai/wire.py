"""Chat completions as they go over the wire: the request's body, and what a reply's JSON says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.chat import Completion, FinishReason, Message
from ragkit.errors import InvalidOutputError
from ragkit_connectors.openai.settings import OpenAISettings, Price

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}

MOST_TOKENS = 2**63
"""More is no count: JSON knows no largest number."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call asks for; None as the model is configured."""

    messages: Sequence[Message]
    max_tokens: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    schema: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def body(self, settings: OpenAISettings, *, stream: bool) -> bytes:
        """The request as JSON."""
        limit = settings.max_tokens if self.max_tokens is None else self.max_tokens
        heat = settings.temperature if self.temperature is None else self.temperature
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [{"role": m.role, "content": _encodable(m.text)} for m in self.messages],
            settings.max_tokens_key: limit,
            **settings.extra,
        }
        if settings.temperature is not None and heat is not None:
            body["temperature"] = heat
        if self.schema is not None:
            body |= _format(settings, self.schema)
        if stream:
            body["stream"] = True
            if settings.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _format(settings: OpenAISettings, schema: Mapping[str, Any]) -> dict[str, Any]:
    if settings.structured == "none":
        return {}
    if settings.structured == "json_object":
        return {"response_format": {"type": "json_object"}}
    # Endpoints refuse to be strict about a schema that leaves anything open.
    wanted = {"name": "reply", "schema": dict(schema), "strict": is_closed(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def is_closed(schema: Any) -> bool:
    """Whether every object of a schema must have all its keys and may have no other.

    >>> is_closed({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
    False
    """
    if isinstance(schema, Mapping):
        keys = schema.get("properties")
        if isinstance(keys, Mapping) and (
            schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(keys)
        ):
            return False
        return all(map(is_closed, schema.values()))
    return not isinstance(schema, list) or all(map(is_closed, schema))


class Reply:
    """What was told of a reply so far: by one body, or by the events of a stream.

    >>> reply = Reply("m")
    >>> reply.take({"choices": [{"delta": {"content": "Yes"}}]})
    'Yes'
    >>> reply.take({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}})
    ''
    >>> reply.completion(None, attempts=1).input_tokens
    9
    """

    def __init__(self, model: str) -> None:
        self._pieces: list[str] = []
        self._half = ""
        self._reason: FinishReason | None = None
        self._model = model
        self._usage: Mapping[str, Any] = {}
        self._was_refused = False

    @property
    def has_ended(self) -> bool:
        """Whether it was told why the text ended."""
        return self._reason is not None

    @property
    def has_text(self) -> bool:
        """Whether any text came."""
        return bool(self._pieces)

    def withhold(self) -> None:
        """Notes that the provider's filter kept the text back."""
        self._reason = "content_filter"

    def take(self, told: Any) -> str:
        """Notes what one JSON object tells; gives the piece of text in it, or an empty text.

        Raises:
            InvalidOutputError: it has not the form of a chat completion.
        """
        if not isinstance(told, Mapping) or not isinstance(told.get("choices"), Sequence):
            raise InvalidOutputError(f"expected a chat completion with choices, got {shortened(told)}")
        if isinstance(told.get("model"), str) and told["model"]:
            self._model = told["model"]
        if isinstance(told.get("usage"), Mapping):
            self._usage = told["usage"]
        return "".join(self._choice(choice) for choice in told["choices"][:1])

    def take_whole(self, told: Any) -> None:
        """Notes what the one body of a reply tells.

        Raises:
            InvalidOutputError: it has not the form of a chat completion, or no choice.
        """
        self.take(told)
        if not told["choices"]:
            raise InvalidOutputError(f"expected a choice, got {shortened(told)}")

    def _choice(self, choice: Any) -> str:
        said = (choice.get("delta") or choice.get("message") or {}) if isinstance(choice, Mapping) else None
        if not isinstance(said, Mapping):
            raise InvalidOutputError(f"expected a choice with a message, got {shortened(choice)}")
        content = said.get("content") or ""
        if isinstance(content, Sequence) and not isinstance(content, str):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
        if not isinstance(content, str):
            raise InvalidOutputError(f"expected text as the content of a message, got {shortened(content)}")
        self._was_refused = self._was_refused or bool(said.get("refusal"))
        if choice.get("finish_reason"):
            self._reason = _REASONS.get(str(choice["finish_reason"]), "unknown")
        return self._joined(content)

    def _joined(self, content: str) -> str:
        """The text with surrogates put together: one character may come as two halves in two pieces."""
        text, self._half = self._half + content, ""
        if text and "\ud800" <= text[-1] <= "\udbff" and not self.has_ended:
            text, self._half = text[:-1], text[-1]
        piece = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if piece:
            self._pieces.append(piece)
        return piece

    def completion(self, price: Price | None, *, attempts: int) -> Completion:
        """The whole reply."""
        tokens_in, tokens_out = (
            _count(self._usage.get(f"{kind}_tokens")) for kind in ("prompt", "completion")
        )
        return Completion(
            "".join(self._pieces),
            model=self._model,
            finish_reason="content_filter" if self._was_refused else self._reason or "unknown",
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            usd=None if price is None else price.of(tokens_in, tokens_out),
            attempts=attempts,
        )


def parsed(data: bytes) -> Any:
    """JSON as an endpoint sent it.

    Raises:
        InvalidOutputError: it is none, or no UTF-8.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise InvalidOutputError(f"the endpoint sent broken UTF-8: {e.reason} at byte {e.start}") from e
    except (ValueError, RecursionError) as e:
        raise InvalidOutputError(f"the endpoint sent no JSON: {shortened(data)}") from e


def shortened(told: Any) -> str:
    """The beginning of something, for a message."""
    try:
        text = repr(told)
    except RecursionError:
        text = f"{type(told).__name__}, nested too deeply"
    return text if len(text) <= 120 else f"{text[:120]}…"


def _count(told: Any) -> int | None:
    return told if type(told) is int and 0 <= told < MOST_TOKENS else None


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
