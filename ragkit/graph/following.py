"""What may be seen of an answer while it is being written: what the stages after the writer let through.

A stage that takes an answer and gives one may offer `following`. A part of an answer is shown when every
stage between the one that writes and the end of the graph offers it, and none withholds; otherwise nothing is
seen before the answer is whole, for a later stage may have good reason to change it. Tokens, which pass by
all checks, are told where each of these stages says `shows_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ragkit.types import Answer

Follower = Callable[[Answer], Answer]
"""What a stage would give for a part of an answer, as far as no later text can change it. It is called with
longer and longer parts, one at a time, in worker threads; it may remember what it has seen."""


@dataclass(frozen=True, slots=True)
class Onward:
    """What all stages after a writer make of a part, and whether its tokens may be seen as they come."""

    follow: Follower
    shows_tokens: bool


@runtime_checkable
class Following(Protocol):
    """A stage that can work on an answer while it is being written."""

    def following(self, draft: Answer) -> Follower | None:
        """A follower for one answer; None where nothing of it may be seen before it is whole.

        Args:
            draft: the answer without its text: its plan and its context.
        """
        ...
