"""A vendor's HTTP interface behind one door: retries, `Retry-After`, typed errors, one client a process."""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from ragkit.errors import StoreError, TransientStoreError
from ragkit.secrets import Secret
from ragkit_connectors.openai.hiding import without

T = TypeVar("T")
FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 60.0  # however long the server says
_MOST_SHOWN = 300


class PresentError(StoreError):
    """What was to be made is there already."""


class AbsentError(StoreError):
    """What was asked for by its name is not there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: the body, None where it is empty, and the headers by their small names."""

    said: Any
    headers: Mapping[str, str]


class HttpCalls(ABC):
    """Requests to a server. Each may be made again: all that is written has a name, an id or a condition.

    `make_client` gives the client; after a fork another one, for two processes must not share connections.
    """

    product: ClassVar[str]  # for people
    address: ClassVar[str]  # the setting that names the server

    def __init__(
        self, where: str, attempts: int, make_client: Callable[[], Any], *, key: Secret | None = None
    ) -> None:
        self.where = where
        # Some servers repeat a key in what they say of it.
        self._secrets = () if key is None else (key,)
        self._attempts = attempts
        self._make_client = make_client
        self._client = make_client()
        self._process = os.getpid()
        self._is_closed = False

    @abstractmethod
    def refusal(self, status: int, said: str) -> StoreError:
        """Our error for an answer that is none."""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        parameters: Mapping[str, str | Sequence[str] | None] | None = None,
    ) -> Any:
        """The body of what the server answers; see `answer`."""
        return self.answer(method, path, body, parameters).said

    def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        parameters: Mapping[str, str | Sequence[str] | None] | None = None,
    ) -> Answer:
        """What the server answers, asked again where it fails for now.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later,
                `AbsentError` and `PresentError` where a name is not there, or is.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        return self.again(lambda: self._once(method, path, body, given))

    def again(self, call: Callable[[], T]) -> T:
        """What a call gives, made again where it fails for now."""
        wait_s = FIRST_WAIT_S
        for attempt in range(1, self._attempts + 1):
            try:
                return call()
            except TransientStoreError as e:
                if attempt == self._attempts:
                    raise
                asked_s = min(getattr(e, "retry_after_s", 0.0), _LONGEST_WAIT_S)
            # So that clients do not march in step.
            time.sleep(max(asked_s, wait_s * random.uniform(0.5, 1.0)))  # noqa: S311
            wait_s *= 2
        raise AssertionError("unreachable")

    def no_server(self, said: object = "") -> StoreError:
        """The error of something else that answers."""
        heard = f" ({self.heard(shortened(said))})" if said else ""
        return StoreError(
            f"{self.where}: what answers there is no {self.product} server{heard}. Check {self.address}"
        )

    def heard(self, said: str) -> str:
        """What a server said, without the key that it was sent."""
        return without(said, self._secrets)

    def close(self) -> None:
        """Closes the client."""
        self._is_closed = True
        self._client.close()

    def _once(self, method: str, path: str, body: Any, given: Mapping[str, Any]) -> Answer:
        import httpx

        if self._is_closed:
            raise StoreError(f"{self.where}: this store was closed. Open another one")
        if self._process != os.getpid():
            self._client, self._process = self._make_client(), os.getpid()
        try:
            answer = self._client.request(method, path, params=given, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as e:
            raise self._of_connection(e) from e
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.is_success and not answer.content:
            return Answer(None, headers)
        try:
            said = answer.json()
        except ValueError as e:
            if answer.is_success:
                raise self.no_server(repr(answer.text[:80])) from e
            said = answer.text
        if answer.is_success:
            return Answer(said, headers)
        error = self.refusal(answer.status_code, self.heard(message_of(said)))
        error.retry_after_s = _seconds(headers.get("retry-after"))  # type: ignore[attr-defined]
        raise error

    def _of_connection(self, error: Exception) -> StoreError:
        import httpx

        said = self.heard(shortened(error))
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            if "CERTIFICATE" in said.upper():
                return StoreError(
                    f"{self.where}: the server's certificate is not accepted ({said}). Name its authority by "
                    "SSL_CERT_FILE, or set http:// where the server speaks plainly"
                )
            return TransientStoreError(
                f"{self.where}: the server cannot be reached ({said}). Check that the server runs, and "
                f"host and port of {self.address}; then try again"
            )
        if isinstance(error, httpx.TimeoutException):
            return TransientStoreError(
                f"{self.where}: no answer within timeout_s ({said}). Try again, or raise it"
            )
        if isinstance(error, httpx.TransportError | OSError):
            return TransientStoreError(f"{self.where}: the connection failed ({said}). Try again")
        return StoreError(f"{self.where}: the client refuses ({said})")


def plain_url(url: str, expected: str, *, key: str = "api_key") -> str:
    """The URL of a server, without what stands after host and port.

    Raises:
        ValueError: it is none; `expected` says what would be one.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as e:
        raise ValueError(expected) from e
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in url:
        raise ValueError(expected)
    if "@" in parts.netloc:
        raise ValueError(f"a name or a password stands in it. Set {key}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{expected}, and nothing after it")
    return url.rstrip("/")


def header_key(key: Secret | None) -> Secret | None:
    """A key as a header carries it, without the line break that a variable may end with; None for no key.

    Raises:
        ValueError: no header can carry it. The text says nothing of it.
    """
    if key is None:
        return None
    text = key.reveal().strip()
    if not text.isascii() or not text.isprintable():
        raise ValueError("it holds a character that no header may hold; is it the key, and only the key?")
    return Secret(text) if text else None


def message_of(body: Any) -> str:
    """What the body of a failed answer says."""
    if isinstance(body, dict):
        errors = body.get("error") or body.get("errors")
        if isinstance(errors, list):
            return shortened("; ".join(str(e.get("message")) for e in errors if isinstance(e, dict)))
        if isinstance(errors, dict):
            return shortened(errors.get("message") or errors)
        return shortened(errors or body.get("message") or body)
    return shortened(body)


def shortened(value: object) -> str:
    """What was said, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def _seconds(value: str | None) -> float:
    """How long a server asks to wait. A date, which it may say too, counts as no wish."""
    try:
        return max(0.0, float(value or 0))
    except ValueError:
        return 0.0
