"""Requests with one reply in JSON, some side by side, each tried again while that may help."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import anyio

from ragkit.errors import InvalidOutputError, ModelError, ModelRequestError, ModelTimeoutError
from ragkit.graph.meter import current_meter
from ragkit.graph.threads import in_thread
from ragkit_connectors.openai.address import EndpointSettings
from ragkit_connectors.openai.endpoint import Endpoint
from ragkit_connectors.openai.lanes import Lanes
from ragkit_connectors.openai.pacing import Pacing
from ragkit_connectors.openai.patience import Patience
from ragkit_connectors.openai.wire import parsed

Item = TypeVar("Item")

# Parsing a longer body takes over a millisecond, in which the event loop would stand still for all.
_LONG_BODY = 200_000


class Calls:
    """Asks one endpoint.

    Args:
        settings: where it is.
        at_once: requests in flight at most, for each event loop.
        pacing: when a request may go out.

    Example:
        Calls(settings, at_once=8, pacing=Pacing())
    """

    def __init__(self, settings: EndpointSettings, *, at_once: int, pacing: Pacing) -> None:
        self._settings = settings
        self._endpoint = Endpoint(settings)
        self._at_once = at_once
        self._pacing = pacing
        self._limits: WeakKeyDictionary[Lanes, anyio.Semaphore] = WeakKeyDictionary()

    @property
    def where(self) -> str:
        """The address and the model, for messages."""
        return self._endpoint.where

    async def reply(self, body: bytes, *, n_tokens: int = 0) -> tuple[Any, int]:
        """The JSON of the reply, and how many attempts it took.

        Args:
            body: the request, as JSON.
            n_tokens: about how many tokens it has.

        Raises:
            ModelError: of the kind that says what is wrong, once repeating is of no use or time is up.
        """
        async with await self._limit():
            await self._pacing.turn(n_tokens, patience_s=self._settings.timeout_s)
            patience = Patience(self._time(), self._settings.retries)
            try:
                with self._endpoint.by(patience.until, f"no answer within {patience.limit_s:g} s"):
                    while True:
                        try:
                            return await self._once(body), patience.attempt
                        except ModelError as error:
                            self._pacing.note(error)
                            await patience.after(self._endpoint.hidden(error))
            except ModelTimeoutError as late:
                raise patience.told(late) from late.__cause__

    def hidden(self, error: ModelError) -> ModelError:
        """The same error without the key and headers, which some endpoints repeat in what they say."""
        return self._endpoint.hidden(error)

    async def close(self) -> None:
        """Closes the connections of the running event loop that are idle."""
        await self._endpoint.lanes.close()

    async def _limit(self) -> anyio.Semaphore:
        lanes = await self._endpoint.lanes.here()
        if lanes not in self._limits:
            self._limits[lanes] = anyio.Semaphore(self._at_once)
        return self._limits[lanes]

    def _time(self) -> float:
        meter = current_meter()
        left = math.inf if meter is None else max(0.001, meter.time_left())
        return min(self._settings.timeout_s, left)

    async def _once(self, body: bytes) -> Any:
        response, content = await self._endpoint.exchange(body)
        if self._endpoint.is_withheld(response, content):
            raise ModelRequestError(f"{self.where}: the provider's filter refused a text. Leave it out")
        try:
            told = parsed(content) if len(content) < _LONG_BODY else await in_thread(parsed, content)
        except InvalidOutputError as e:
            raise InvalidOutputError(
                f"{self.where}: {e}. Expected a reply in JSON: check base_url, which "
                f"{self._settings.path} is added to"
            ) from e
        self._endpoint.refuse_error(told)
        return told


async def side_by_side(work: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Does the work for all items at once; the first failure ends the others and is raised as it is."""
    failures: list[Exception] = []

    async def done(item: Item) -> None:
        try:
            await work(item)
        except Exception as error:
            # Collected, not raised: a task group would wrap it in a group.
            failures.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for item in items:
            tasks.start_soon(done, item)
    if failures:
        raise failures[0]
