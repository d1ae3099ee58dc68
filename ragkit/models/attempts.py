"""What several attempts took together. What is not known of one of them is not known of the sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ragkit.chat import Completion
from ragkit.errors import (
    ModelAuthError,
    ModelError,
    ModelRequestError,
    ModelUnavailableError,
    RateLimitError,
)

# A request that was refused at the door was not worked on; of others nobody says what they cost.
_FREE = (RateLimitError, ModelAuthError, ModelRequestError)


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens and money so far; None for what is not known.

    >>> Spent().after(Completion("Two years.", model="m", finish_reason="stop"))
    Spent(attempts=1, input_tokens=None, output_tokens=None, usd=None)
    """

    attempts: int = 0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    usd: float | None = 0.0

    @property
    def tokens(self) -> int | None:
        """Sent and received together."""
        return _sum(self.input_tokens, self.output_tokens)

    def after(self, outcome: Completion | ModelError) -> Spent:
        """This and one attempt more."""
        if isinstance(outcome, ModelError):
            if isinstance(outcome, _FREE) or (
                isinstance(outcome, ModelUnavailableError) and outcome.took_nothing
            ):
                return replace(self, attempts=self.attempts + 1)
            return Spent(self.attempts + 1, None, None, None)
        return Spent(
            self.attempts + outcome.attempts,
            _sum(self.input_tokens, outcome.input_tokens),
            _sum(self.output_tokens, outcome.output_tokens),
            None if self.usd is None or outcome.usd is None else self.usd + outcome.usd,
        )

    def bill(self, done: Completion) -> Completion:
        """A completion with what all attempts took, its own among them already."""
        return replace(
            done,
            attempts=self.attempts,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            usd=self.usd,
        )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
