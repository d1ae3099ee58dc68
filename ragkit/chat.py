"""Chat models as the library sees them: what is said, what comes back, and the protocol of who answers.

`ragkit.protocols` has `ChatModel` too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "unknown"]
"""Why a text ended: by itself, cut at `max_tokens`, withheld by the provider, or for a reason that was not
told. Only `stop` is a whole text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that was said.

    >>> Message("user", "How long is the warranty?").role
    'user'
    """

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a text that is being streamed. The text so far is all pieces joined.

    >>> "".join(delta.text for delta in (Delta("Two "), Delta("years.")))
    'Two years.'
    """

    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered.

    Args:
        text: all of it; may be cut short, see `finish_reason`.
        model: the name of the model as the endpoint gives it.
        finish_reason: why it ended.
        input_tokens, output_tokens: as the endpoint counted them; None where it did not say.
        usd: what it cost by the configured price; None where tokens or price are unknown.
        attempts: how many requests it took. What the failed ones cost nobody says.

    >>> Completion("Two years.", model="m", finish_reason="length").is_whole
    False
    """

    text: str
    model: str = field(kw_only=True)
    finish_reason: FinishReason = field(kw_only=True)
    input_tokens: int | None = field(default=None, kw_only=True)
    output_tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)
    attempts: int = field(default=1, kw_only=True)

    @property
    def is_whole(self) -> bool:
        """Whether the model came to its own end."""
        return self.finish_reason == "stop"


@runtime_checkable
class ChatModel(Protocol):
    """Answers a conversation. See `ragkit.testing.chat` for the checks it must pass.

    Both calls may be cancelled at any time, and later calls go on as if nothing had been.
    """

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identifies the model with the settings that its texts depend on: caches are keyed by it. Holds no
        secret."""
        ...

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The answer, once it is there.

        Args:
            messages: what was said so far, at least one.
            max_tokens: the answer is cut after so many; None as the model is configured.
            temperature: 0 asks for the most likely text; None as the model is configured.
            schema: JSON Schema that the text should be JSON of. It is asked for, not checked.
            timeout_s: for everything, repeats included; None as the model is configured.

        Raises:
            ModelError: one of its kinds, see `ragkit.errors`. There is then no text at all.
        """
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The pieces as they come, then one `Completion` whose text is all of them joined.

        It never ends without a `Completion`: where the text breaks off, it raises, and what came before is no
        answer. Who stops early closes it (`contextlib.aclosing`).

        Raises:
            ModelError: one of its kinds, also after pieces came.
        """
        ...


@runtime_checkable
class Prompted(Protocol):
    """A stage that asks a chat model, and can tell with what words."""

    def prompt(self, question: str = "") -> str:
        """The prompt that is used for a question, as its file has it, with its places open."""
        ...

    def messages(self, value: Any) -> tuple[Message, ...]:
        """What the model is asked for a value of the stage's input."""
        ...
