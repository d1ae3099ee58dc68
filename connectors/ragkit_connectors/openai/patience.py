"""How often a call is tried and how long is waited in between: the one place where calls are repeated."""

from __future__ import annotations

import random

import anyio

from ragkit.errors import ModelError, ModelTimeoutError, ModelUnavailableError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0


class Patience:
    """One call's attempts. Waits double, half of each at random, and are never shorter than was asked for.

    Args:
        limit_s: for all attempts and waits together, from now.
        retries: further attempts.

    >>> async def first() -> int:
    ...     return Patience(60.0, retries=2).attempt
    >>> anyio.run(first)
    1
    """

    def __init__(self, limit_s: float, retries: int) -> None:
        self.attempt = 1
        self.limit_s = limit_s
        self.until = anyio.current_time() + limit_s
        self._retries = retries
        self._last: ModelError | None = None

    async def after(self, error: ModelError) -> None:
        """Waits before the next attempt.

        Raises:
            ModelError: `error`, where repeating it is of no use, or there is no attempt or time left.
        """
        if not isinstance(error, ModelUnavailableError) or self.attempt > self._retries:
            raise self.told(error)
        wait = max(self._backoff(), error.retry_after_s or 0.0)
        if anyio.current_time() + wait >= self.until:
            raise error
        self.attempt += 1
        self._last = error
        await anyio.sleep(wait)

    def told(self, error: ModelError) -> ModelError:
        """The error, and of one that only says that time is up also what had gone wrong before."""
        if isinstance(error, ModelTimeoutError) and self._last is not None:
            return ModelTimeoutError(f"{error}. The attempt before ended otherwise: {self._last}")
        return error

    def _backoff(self) -> float:
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self.attempt - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  only spreads the load
