"""What the store sends, request by request, for a reader with a real server to compare.

RAGKIT_WRITE_GOLDEN=1 python -m pytest tests/connectors/weaviate/test_weaviate_golden.py
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
from tests.connectors.recorded import script, settled
from tests.connectors.weaviate.stores import Stores

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.mark.parametrize("tenancy", ["filter", "native"])
def test_requests_are_as_recorded(stores: Stores, tenancy: str) -> None:
    found: dict[str, list[Any]] = {}

    def sent(step: str) -> None:
        found[step] = sorted_patches([_told(request) for request in stores.server.log])
        stores.server.log.clear()

    script(lambda spec: stores.make_here(spec, name="Golden", tenancy=tenancy, exact_below=0), sent)
    if tenancy == "native":
        # The rest is the same but for the tenant.
        found = {step: found[step] for step in ("open", "search")}
    path = GOLDEN / f"{tenancy}.json"
    if os.environ.get("RAGKIT_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))


def sorted_patches(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes of single objects are under way at once: those that follow one another in order of id."""
    groups = [list(some) for _, some in itertools.groupby(requests, lambda told: told["method"])]
    return [
        told
        for some in groups
        for told in (sorted(some, key=lambda told: told["path"]) if some[0]["method"] == "PATCH" else some)
    ]


def _told(request: Any) -> dict[str, Any]:
    body = json.loads(_HOURS.sub(r"\g<1>0", request.body.decode())) if request.body else None
    told: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.parameters:
        told["parameters"] = request.parameters
    return told if body is None else {**told, "body": settled(body, _without_hours)}


_HOURS = re.compile(r'("?valueNumber"?:)1\d{12}(\.\d+)?')


def _without_hours(text: str) -> str:
    text = re.sub(r'("(?:nonce|owner)": ?")[^"]*', r"\1X", text)
    return re.sub(r'("expires_ms": ?)\d+', r"\g<1>0", text)
