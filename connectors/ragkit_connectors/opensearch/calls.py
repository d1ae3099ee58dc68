"""The client of a cluster, behind one door: retries and typed errors."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors.opensearch.errors import ConflictError, explain, shortened, vendor_errors
from ragkit_connectors.opensearch.settings import OpenSearchSettings

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

_FIRST_WAIT_S = 0.1
_MOST_CONNECTIONS = 16  # kept open to each host: a server of threads asks with many at once
_LINES = {"content-type": "application/x-ndjson"}


def connect(settings: OpenSearchSettings) -> OpenSearch:
    """The client that settings name. It retries nothing by itself: `Calls` does."""
    from opensearchpy import OpenSearch

    login = None
    if settings.user is not None and settings.password is not None:
        login = (settings.user, settings.password.reveal())
    given: dict[str, Any] = {} if login is None else {"http_auth": login}
    if any(host.startswith("https") for host in settings.hosts):
        given |= {"verify_certs": settings.verify_certs, "ssl_show_warn": False}
        if settings.ca_certs is not None:
            given["ca_certs"] = str(settings.ca_certs)
    return OpenSearch(
        hosts=list(settings.hosts),
        timeout=settings.timeout_s,
        max_retries=0,
        retry_on_status=(),
        http_compress=False,
        pool_maxsize=_MOST_CONNECTIONS,
        **given,
    )


def where_of(settings: OpenSearchSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    parts = urlsplit(settings.hosts[0])
    place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
    return f"opensearch {place}, index {settings.name}"


class Calls:
    """Requests to a cluster. Each may be made again: all that is written has an id or a condition.

    `make_client` gives the client; after a fork another one, for two processes must not share connections.
    """

    def __init__(self, settings: OpenSearchSettings, make_client: Callable[[], Any]) -> None:
        self.settings = settings
        self.where = where_of(settings)
        self._make_client = make_client
        self._client = make_client()
        self._process = os.getpid()
        self._errors = vendor_errors()
        self._is_closed = False

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        **parameters: str | int | bool | None,
    ) -> Any:
        """What the server answers, asked again where it fails for now.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later,
                `ConflictError` where somebody else was first.
        """
        given = {name: _spelled(value) for name, value in parameters.items() if value is not None}
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, self.settings.attempts + 1):
            try:
                return self._once(method, path, body, given)
            except TransientStoreError:
                if attempt == self.settings.attempts:
                    raise
            time.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  (so that clients do not march in step)
            wait_s *= 2
        raise AssertionError("unreachable")

    def find(self, path: str, **parameters: str | int | bool | None) -> dict[str, Any] | None:
        """A document, with its numbers for changing it; None where it is not there.

        Raises:
            StoreError: see `request`; also where the index is not there.
        """
        try:
            found = self.request("GET", path, None, **parameters)
        except _AbsentError:
            return None
        return found if isinstance(found, dict) and found.get("found") else None

    def exists(self, name: str) -> bool:
        """Whether there is an index or an alias with a name."""
        return bool(self.request("HEAD", f"/{name}"))

    def close(self) -> None:
        """Closes the client."""
        self._is_closed = True
        self._client.close()

    def _once(self, method: str, path: str, body: Any, given: dict[str, str]) -> Any:
        from opensearchpy.exceptions import NotFoundError

        if self._is_closed:
            raise StoreError(f"{self.where}: this store was closed. Open another one")
        if self._process != os.getpid():
            self._client, self._process = self._make_client(), os.getpid()
        headers = _LINES if isinstance(body, str) else None
        try:
            answer = self._client.transport.perform_request(
                method, path, params=dict(given), body=body, headers=headers
            )
        except NotFoundError as e:
            if isinstance(e.info, dict) and e.info.get("found") is False:
                raise _AbsentError(f"{self.where}: not there") from e
            raise explain(e, self.where) from e
        except self._errors as e:
            raise explain(e, self.where) from e
        if method != "HEAD" and not isinstance(answer, dict | list):
            raise StoreError(
                f"{self.where}: what answers there is no OpenSearch server ({shortened(answer)}). Check hosts"
            )
        self.check_shards(answer)
        return answer

    def check_shards(self, answer: Any) -> None:
        """A part of an answer is no answer."""
        shards = answer.get("_shards") if isinstance(answer, dict) else None
        failed = shards.get("failed") if isinstance(shards, dict) else 0
        # Of a write, a copy that failed leaves the copies in use: then it is no failure.
        if (failed and "result" not in answer) or (isinstance(answer, dict) and answer.get("timed_out")):
            raise TransientStoreError(
                f"{self.where}: {failed or 'some'} of the index's shards gave no answer. Try again; "
                "GET /_cluster/health shows what is wrong"
            )


class _AbsentError(StoreError):
    """A document that is not there."""


def _spelled(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


__all__ = ["Calls", "ConflictError", "connect", "where_of"]
