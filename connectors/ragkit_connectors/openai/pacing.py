"""How fast an endpoint may be asked: the limits of an account, and the pauses that the endpoint asks for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

import anyio

from ragkit.errors import ModelError, RateLimitError

# What was not used of a limit may be used later, for so long.
BURST_S = 1.0
# After so long it is asked again, whatever pause it wished for: a quota may have been raised by now.
ASKED_AGAIN_S = 60.0


class Pacing:
    """Gives each request its turn; shared by all threads and event loops that ask one endpoint.

    Where the endpoint refuses a request for its rate and says how long to wait, all requests wait: to send
    them would only use up the limit.

    Args:
        requests_per_minute: of the account; None for no limit.
        tokens_per_minute: likewise; a request with more tokens than that goes out alone.
        clock: seconds of a clock that only goes forward.

    >>> now = [0.0]
    >>> pacing = Pacing(requests_per_minute=60, clock=lambda: now[0])
    >>> [round(pacing.reserve(0), 1) for _ in range(3)]
    [0.0, 0.0, 1.0]
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._clock = clock
        self._per_request_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._per_token_s = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_request = self._next_token = -BURST_S
        self._paused_until = self._asked_at = 0.0
        self._why: RateLimitError | None = None
        self._lock = Lock()

    def reserve(self, n_tokens: int) -> float:
        """Takes the next turn and says in how many seconds it is."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._next_request, self._next_token)
            for name, seconds in (
                ("_next_request", self._per_request_s),
                ("_next_token", self._per_token_s * n_tokens),
            ):
                if seconds:
                    setattr(self, name, max(getattr(self, name), begin - BURST_S) + seconds)
            if now - self._asked_at >= ASKED_AGAIN_S:
                self._paused_until = min(self._paused_until, now)
            return max(begin, self._paused_until) - now

    def note(self, error: ModelError) -> None:
        """Pauses all requests where the endpoint asked for it."""
        if isinstance(error, RateLimitError) and error.retry_after_s:
            with self._lock:
                self._asked_at = self._clock()
                until = self._asked_at + error.retry_after_s
                if until > self._paused_until:
                    self._paused_until, self._why = until, error

    async def turn(self, n_tokens: int, *, patience_s: float) -> None:
        """Waits for a turn.

        Raises:
            RateLimitError: the endpoint asked for a pause that is longer than `patience_s`.
        """
        wait_s = self.reserve(n_tokens)
        paused_s = self._paused_until - self._clock()
        if paused_s > patience_s and self._why is not None:
            raise RateLimitError(
                f"nothing was sent, for the endpoint asked for a pause of which {paused_s:.0f} s are left: "
                f"{self._why}",
                retry_after_s=paused_s,
            )
        while wait_s > 0:
            await anyio.sleep(wait_s)
            wait_s = self._paused_until - self._clock()
