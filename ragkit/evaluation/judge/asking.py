"""Asking a model for one verdict: from the cache or the model, read strictly, repaired once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import InvalidOutputError, ModelAuthError, ModelError
from ragkit.evaluation.judge.cache import ReplyCache, reply_key
from ragkit.evaluation.judge.rubric import Rubric
from ragkit.evaluation.judge.verdict import JudgeVerdict, read_verdict, total

_REPAIR = (
    "That cannot be used: {why}. Reply again with one JSON object and nothing else: "
    '{{"reason": "one short sentence", "verdict": one of {labels}}}'
)


@dataclass
class Asking:
    """A model with a cache before it. Two who ask the same at one time wait for one reply.

    Example:
        Asking(model, ReplyCache("judge.sqlite")).verdict(built_in("correct", "en"), shown)
    """

    model: ChatModel
    cache: ReplyCache
    max_tokens: int = field(default=512, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    _asked_now: dict[str, anyio.Lock] = field(default_factory=dict, init=False)

    async def verdict(self, rubric: Rubric, shown: Mapping[str, str]) -> JudgeVerdict:
        """What the judge says of this; with an error where nothing can be made of it.

        Raises:
            ModelAuthError: the model refuses the key.
        """
        tally = _Tally()
        messages = rubric.messages(shown)
        try:
            reply = await self._reply(rubric, messages, tally)
            try:
                label, reason = _read(reply, rubric)
            except InvalidOutputError as e:
                reply = await self._reply(rubric, _repairing(messages, reply, rubric, e), tally)
                label, reason = _read(reply, rubric)
        except ModelAuthError:
            raise
        except ModelError as e:
            return tally.verdict(error=f"{type(e).__name__}: {e}")
        return tally.verdict(label, rubric.labels[label], reason)

    async def _reply(self, rubric: Rubric, messages: tuple[Message, ...], tally: _Tally) -> Completion:
        key = reply_key(self.model, rubric, messages)
        lock = self._asked_now.setdefault(key, anyio.Lock())
        async with lock:
            kept = self.cache.get(key)
            if kept is not None:
                tally.add(kept, is_cached=True)
                return kept
            tally.calls += 1
            reply = await self.model.complete(
                messages, max_tokens=self.max_tokens, schema=rubric.schema, timeout_s=self.timeout_s
            )
            self.cache.put(key, reply)
            tally.calls -= 1
            tally.add(reply, is_cached=False)
            return reply


@dataclass
class _Tally:
    """What the calls for one verdict took; a call that failed took nobody knows what."""

    replies: list[Completion] = field(default_factory=list)
    calls: int = 0
    cached: int = 0

    def add(self, reply: Completion, *, is_cached: bool) -> None:
        self.replies.append(reply)
        self.calls += 1
        self.cached += is_cached

    def verdict(
        self, label: str | None = None, score: float | None = None, reason: str = "", error: str | None = None
    ) -> JudgeVerdict:
        is_known = len(self.replies) == self.calls
        return JudgeVerdict(
            label,
            score=score,
            reason=reason,
            error=error,
            calls=self.calls,
            cached=self.cached,
            input_tokens=total([r.input_tokens for r in self.replies]) if is_known else None,
            output_tokens=total([r.output_tokens for r in self.replies]) if is_known else None,
            usd=total([r.usd for r in self.replies]) if is_known else None,
        )


def _read(reply: Completion, rubric: Rubric) -> tuple[str, str]:
    if reply.finish_reason == "content_filter":
        raise ModelError("the provider withheld the verdict")
    if reply.finish_reason == "length":
        raise ModelError("the verdict was cut off. Give the judge a higher max_tokens")
    return read_verdict(reply.text, rubric)


def _repairing(
    messages: tuple[Message, ...], reply: Completion, rubric: Rubric, error: InvalidOutputError
) -> tuple[Message, ...]:
    labels = ", ".join(f'"{label}"' for label in rubric.labels)
    said = (Message("assistant", reply.text),) if reply.text.strip() else ()
    return (*messages, *said, Message("user", _REPAIR.format(why=error, labels=labels)))
