"""An endpoint over HTTP: its connections, its requests, its time limits, and its failures as our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio

from ragkit.errors import (
    InvalidOutputError,
    MissingExtraError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from ragkit_connectors.openai.address import EndpointSettings
from ragkit_connectors.openai.faults import Fault, error_of, retry_after
from ragkit_connectors.openai.hiding import hide
from ragkit_connectors.openai.lanes import LanesByLoop

if TYPE_CHECKING:
    import ssl

    from httpx import AsyncClient, Response

_REST_S = 0.05  # for the few bytes that end a stream after its last event


class Endpoint:
    """Where requests go.

    Example:
        Endpoint(EndpointSettings(base_url="http://localhost:8000/v1", model="qwen3-8b")).where
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.lanes = LanesByLoop(_Clients(settings).make)

    @property
    def where(self) -> str:
        """The address and the model, for messages."""
        return f"{self.settings.endpoint}{self._named}"

    @property
    def _named(self) -> str:
        return f" (model {self.settings.model!r})" if self.settings.model else ""

    async def send(self, lane: AsyncClient, body: bytes, *, stream: bool) -> Response:
        """The response, of which nothing but the head has been read."""
        c = self.settings
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream" if stream else "*/*"}
        if c.api_key:
            headers["Authorization"] = f"Bearer {c.api_key.reveal()}"
        headers |= {name: value.reveal() for name, value in c.headers.items()}
        request = lane.build_request("POST", c.url, content=body, headers=headers)
        return await lane.send(request, stream=True, follow_redirects=False)

    async def exchange(self, body: bytes) -> tuple[Response, bytes]:
        """One request with its whole reply, whatever its status."""
        lanes = await self.lanes.here()
        lane, is_whole = lanes.take(), False
        try:
            with self.telling():
                response = await self.send(lane, body, stream=False)
                content = await self.read(response)
            is_whole = True
        finally:
            await lanes.settle(lane, is_whole=is_whole)
        return response, content

    async def read(self, response: Response) -> bytes:
        """The whole body."""
        parts, size = [], 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > self.settings.most_bytes:
                raise InvalidOutputError(
                    f"{self.where}: a reply of over {self.settings.most_bytes:,} bytes. Ask for less"
                )
        return b"".join(parts)

    async def has_no_more(self, source: AsyncIterator[bytes]) -> bool:
        """Whether nothing comes after the last event, so that the connection can carry another request."""
        try:
            with anyio.move_on_after(_REST_S):
                while await anext(source, None) is not None:
                    pass
                return True
        except self._httpx.HTTPError:
            pass
        return False

    def is_withheld(self, response: Response, body: bytes) -> bool:
        """Whether the provider's filter refused the question; False for a response that is fine.

        Raises:
            ModelError: any other status than 200, of the kind that fits.
        """
        if response.status_code == 200:
            return False
        fault = Fault.read(body)
        if not fault.is_content_filter:
            asked = retry_after(response.headers)
            where = f"{self.settings.endpoint}{self.settings.path}{self._named}"
            raise self.hidden(error_of(fault, response.status_code, where, retry_after_s=asked))
        return True

    def hidden(self, error: ModelError) -> ModelError:
        """The same error without the key and headers, which some endpoints repeat in what they say."""
        return hide(error, filter(None, (self.settings.api_key, *self.settings.headers.values())))

    def refuse_error(self, told: Any) -> None:
        """Raises what a body or an event tells of an error, although the status is 200."""
        if isinstance(told, Mapping) and told.get("error"):
            fault = Fault.of(told["error"])
            # Without a status of its own: the endpoint failed on the way, not the request.
            error = self.hidden(error_of(fault, fault.status or 500, self.where))
            if isinstance(error, ModelUnavailableError):
                error.took_nothing = False  # it had begun to work on it
            raise error

    @contextmanager
    def by(self, until: float, what: str) -> Iterator[None]:
        """Raises `ModelTimeoutError` where the block is not done at a time of the event loop."""
        with anyio.CancelScope(deadline=until) as scope:
            yield
        if scope.cancelled_caught:
            remedy = "Give it more time (timeout_s, first_token_s, stall_s) or ask for less"
            raise ModelTimeoutError(f"{self.where}: {what}. {remedy}")

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turns httpx's errors into ours."""
        httpx = self._httpx
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as e:
            raise ModelUnavailableError(
                f"{self.where} cannot be reached: {e or type(e).__name__}. Is it running, is base_url right?",
                took_nothing=True,
            ) from e
        except httpx.DecodingError as e:
            raise InvalidOutputError(f"{self.where} sent a reply that cannot be unpacked: {e}") from e
        except httpx.TransportError as e:
            raise ModelUnavailableError(f"{self.where} broke off: {e or type(e).__name__}") from e
        except (httpx.InvalidURL, httpx.HTTPError) as e:
            raise ModelRequestError(f"{self.where}: {e}. Check base_url") from e

    @cached_property
    def _httpx(self) -> Any:
        return _httpx_for(self.settings)


class _Clients:
    """Makes clients. Apart from the endpoint, which must not be in a circle with what it holds open.

    What is left to the garbage collector as a circle is finished in any order, connections before what would
    close them.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings

    def make(self) -> AsyncClient:
        httpx = _httpx_for(self._settings)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
        timeout = httpx.Timeout(None, connect=self._settings.connect_s)
        client: AsyncClient = httpx.AsyncClient(verify=self._trust, timeout=timeout, limits=limits)
        return client

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        # Reading the certificates takes 20 ms, so all connections share them.
        context: ssl.SSLContext = _httpx_for(self._settings).create_ssl_context()
        return context


def _httpx_for(settings: EndpointSettings) -> Any:
    try:
        import httpx
    except ModuleNotFoundError as e:
        raise MissingExtraError(settings.component, package="httpx", extra="openai") from e
    return httpx
