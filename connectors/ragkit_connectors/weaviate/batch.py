"""Many objects in one request: what of it failed for now is made again, and that alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors import http_calls
from ragkit_connectors.http_calls import message_of
from ragkit_connectors.weaviate.calls import Calls
from ragkit_connectors.weaviate.errors import of_message

_MOST_ROUNDS = 1000
EVERYWHERE = {"consistency_level": "ALL"}  # done when each copy has it


def send(calls: Calls, objects: Sequence[dict[str, Any]]) -> None:
    """Writes objects under their ids.

    Raises:
        StoreError: an object is refused, and others of its request may have been written;
            `TransientStoreError` where it may go through later.
    """
    left, wait_s = list(objects), http_calls.FIRST_WAIT_S
    for attempt in range(1, calls.settings.attempts + 1):
        if not left:
            return
        answer = calls.request("POST", "/v1/batch/objects", {"objects": left}, EVERYWHERE)
        if not isinstance(answer, list) or len(answer) != len(left):
            raise TransientStoreError(
                f"{calls.where}: of {len(left)} objects of a request the server answered "
                f"{len(answer) if isinstance(answer, list) else 'none'}. Try again"
            )
        again = []
        for one, result in zip(left, answer, strict=True):
            error = _problem(calls, one, result)
            if isinstance(error, TransientStoreError) and attempt < calls.settings.attempts:
                again.append(one)
            elif error is not None:
                raise error
        left = again
        if left:
            time.sleep(wait_s)
            wait_s *= 2


def delete(calls: Calls, name: str, where: dict[str, Any] | None, tenant: str | None) -> None:
    """Removes all that a filter means.

    Raises:
        StoreError: something is refused; `TransientStoreError` where it may go through later.
    """
    assert where is not None, "everything is never meant where something is removed"
    body = {"match": {"class": name, "where": where}, "output": "minimal", "dryRun": False}
    n_failed = 0
    for _ in range(_MOST_ROUNDS):
        answer = calls.request("DELETE", "/v1/batch/objects", body, {**EVERYWHERE, "tenant": tenant})
        results = answer.get("results") or {} if isinstance(answer, dict) else {}
        if "matches" not in results:
            raise calls.no_server()
        failed = int(results.get("failed") or 0)
        n_failed = n_failed + 1 if failed else 0
        if n_failed >= calls.settings.attempts:
            raise TransientStoreError(
                f"{calls.where}: {failed} of {results['matches']} objects could not be removed. Try again"
            )
        if not failed and int(results["matches"]) < int(results.get("limit") or 1):
            return
        if failed:
            time.sleep(http_calls.FIRST_WAIT_S * 2**n_failed)
    raise TransientStoreError(f"{calls.where}: others write what is being removed. Try again")


def _problem(calls: Calls, one: dict[str, Any], result: Any) -> StoreError | None:
    said = result.get("result") if isinstance(result, dict) else None
    if not isinstance(said, dict):
        return StoreError(f"{calls.where}: an object of a request has no result. Check url")
    if said.get("status") == "SUCCESS" and not said.get("errors"):
        return None
    error = of_message(calls.heard(message_of(said.get("errors") or {})) or "no reason given", calls.where)
    return error if isinstance(error, TransientStoreError) else type(error)(f"{error}; object {one['id']}")
