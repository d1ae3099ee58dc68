"""The server over HTTP: its errors, and queries in GraphQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors.http_calls import HttpCalls, message_of
from ragkit_connectors.weaviate.errors import of_message, of_status
from ragkit_connectors.weaviate.settings import WeaviateSettings

if TYPE_CHECKING:
    import httpx

_AT_ONCE = 32  # queries of one request


def connect(settings: WeaviateSettings) -> httpx.Client:
    """The client that settings name. It retries nothing by itself: `Calls` does."""
    import httpx

    key = settings.api_key
    return httpx.Client(
        base_url=settings.url,
        timeout=settings.timeout_s,
        # To read all authorities takes time, and without TLS none is asked.
        verify=settings.url.startswith("https"),
        headers={} if key is None else {"authorization": f"Bearer {key.reveal()}"},
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
    )


def where_of(settings: WeaviateSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    parts = urlsplit(settings.url)
    place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
    return f"weaviate {place}, collection {settings.name}"


class Calls(HttpCalls):
    """Requests to a server; see `HttpCalls`."""

    product, address = "Weaviate", "url"

    def __init__(self, settings: WeaviateSettings, make_client: Callable[[], Any]) -> None:
        super().__init__(where_of(settings), settings.attempts, make_client, key=settings.api_key)
        self.settings = settings

    def refusal(self, status: int, said: str) -> StoreError:
        """Our error for an answer that is none."""
        return of_status(status, said, self.where)

    def query(self, text: str) -> Any:
        """The data of a GraphQL query."""
        return self.queries([text])[0]

    def queries(self, texts: Sequence[str]) -> list[Any]:
        """The data of several, in as few requests as may be.

        One that fails for now is asked again with its neighbours.
        """
        found: list[Any] = []
        for first in range(0, len(texts), _AT_ONCE):
            found += self.again(partial(self._answers, texts[first : first + _AT_ONCE]))
        return found

    def _answers(self, texts: Sequence[str]) -> list[Any]:
        if len(texts) == 1:
            answers = [self._once("POST", "/v1/graphql", {"query": texts[0]}, {}).said]
        else:
            answers = self._once("POST", "/v1/graphql/batch", [{"query": text} for text in texts], {}).said
        if not isinstance(answers, list) or len(answers) != len(texts):
            raise TransientStoreError(
                f"{self.where}: of {len(texts)} queries the server answered "
                f"{len(answers) if isinstance(answers, list) else 'none'}. Try again"
            )
        return [self._data_of(answer) for answer in answers]

    def _data_of(self, answer: Any) -> Any:
        if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
            raise of_message(self.heard(message_of(answer)), self.where)
        return answer["data"]
