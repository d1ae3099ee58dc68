"""Asking a model for one verdict: from the cache or the model, read strictly, repaired once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import InvalidOutputError, ModelAuthError, ModelError, RagkitError
from ragkit.evaluation.judge.cache import ReplyCache, reply_key
from ragkit.evaluation.judge.once import Once, Tally
from ragkit.evaluation.judge.rubric import Rubric
from ragkit.evaluation.judge.verdict import JudgeVerdict, read_verdict

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
    _once: Once = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._once = Once(self.cache)

    async def verdict(self, rubric: Rubric, shown: Mapping[str, str]) -> JudgeVerdict:
        """What the judge says of this; with an error where nothing can be made of it.

        Raises:
            ModelAuthError: the model refuses the key.
            EvalError: the cache cannot be used.
        """
        tally = Tally()
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
        except Exception as e:
            if isinstance(e, RagkitError) and not isinstance(e, ModelError):
                raise
            # A model of one's own may raise anything: that is no verdict, and no end of the others either.
            return _verdict(tally, error=f"{type(e).__name__}: {e}")
        return _verdict(tally, label, rubric.labels[label], reason)

    async def _reply(self, rubric: Rubric, messages: tuple[Message, ...], tally: Tally) -> Completion:
        async def ask() -> Completion:
            return await self.model.complete(
                messages, max_tokens=self.max_tokens, schema=rubric.schema, timeout_s=self.timeout_s
            )

        # The limit counts: who gives a judge more room wants what was cut off asked for again.
        key = reply_key(self.model, f"{rubric.fingerprint}|{self.max_tokens}", messages)
        return await self._once.reply(key, ask, tally)


def _verdict(
    tally: Tally,
    label: str | None = None,
    score: float | None = None,
    reason: str = "",
    error: str | None = None,
) -> JudgeVerdict:
    return JudgeVerdict(
        label,
        score=score,
        reason=reason,
        error=error,
        calls=tally.calls,
        cached=tally.cached,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        usd=tally.usd,
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
