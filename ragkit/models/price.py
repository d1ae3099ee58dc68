"""What a chat model costs."""

from __future__ import annotations

from pydantic import Field

from ragkit.settings import Settings


class Price(Settings):
    """US dollars for a million tokens.

    >>> Price(input=0.1, output=0.5).of(1_000_000, 200_000)
    0.2
    """

    input: float = Field(ge=0.0, description="For a million tokens of what is sent.")
    output: float = Field(ge=0.0, description="For a million tokens of what comes back.")

    def of(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """What so many tokens cost; None where a count is unknown."""
        if input_tokens is None or output_tokens is None:
            return None
        return (input_tokens * self.input + output_tokens * self.output) / 1e6
