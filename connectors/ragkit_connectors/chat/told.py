"""What other libraries' replies tell: text in parts, counts and reasons under many names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.chat import Completion, FinishReason
from ragkit.models.price import Price

_REASONS: Mapping[str, FinishReason] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "length"),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "refusal", "safety", "recitation", "blocklist",
         "prohibited_content", "spii", "guardrail_intervened"),
        "content_filter",
    ),
}  # fmt: skip
_REASON_KEYS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_INPUT_KEYS = ("input_tokens", "prompt_tokens", "prompt_token_count", "prompt_eval_count")
_OUTPUT_KEYS = ("output_tokens", "completion_tokens", "candidates_token_count", "eval_count")


@dataclass(frozen=True, slots=True)
class Told:
    """What a reply told beside its text; None where it did not."""

    model: str | None = None
    finish_reason: FinishReason = field(default="unknown", kw_only=True)
    input_tokens: int | None = field(default=None, kw_only=True)
    output_tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)

    def completion(self, text: str, name: str, price: Price | None) -> Completion:
        """The reply as ours; the price that was configured goes before what the library says."""
        return Completion(
            text,
            model=self.model or name,
            finish_reason=self.finish_reason,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            usd=self.usd if price is None else price.of(self.input_tokens, self.output_tokens),
        )


def told_by(sources: Iterable[Any]) -> Told:
    """What mappings and objects tell, each looked at in turn, until all is known.

    >>> told_by([{"stop_reason": "end_turn"}, {"usage": {"prompt_tokens": 3}}])
    Told(model=None, finish_reason='stop', input_tokens=3, output_tokens=None, usd=None)
    """
    found = [place for source in sources for place in (source, get(source, "usage")) if place is not None]
    reason = _first(found, _REASON_KEYS, str)
    return Told(
        _first(found, ("model_name", "model"), str),
        finish_reason=_REASONS.get(str(reason).rpartition(".")[2].lower(), "unknown"),
        input_tokens=_first(found, _INPUT_KEYS, int),
        output_tokens=_first(found, _OUTPUT_KEYS, int),
    )


def get(source: Any, key: str) -> Any:
    """A value of a mapping or of an object, or None."""
    return source.get(key) if isinstance(source, Mapping) else getattr(source, key, None)


def text_of(content: Any) -> str:
    """The text of a content that may come in parts; thoughts, images and calls of tools are none.

    >>> text_of(["Two ", {"type": "text", "text": "years."}, {"type": "thinking", "thinking": "Hm."}])
    'Two years.'
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, Iterable):
        return ""
    parts = (part if isinstance(part, str) else get(part, "text") for part in content)
    return "".join(part for part in parts if isinstance(part, str))


def _first(places: Iterable[Any], keys: Iterable[str], kind: type) -> Any:
    for place in places:
        for key in keys:
            value = get(place, key)
            if isinstance(value, kind) and not isinstance(value, bool) and value != "":
                return value
    return None
