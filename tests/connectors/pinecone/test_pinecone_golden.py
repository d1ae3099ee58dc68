"""What the store sends, request by request, for a reader with a real index to compare.

RAGKIT_WRITE_GOLDEN=1 python -m pytest tests/connectors/pinecone/test_pinecone_golden.py
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="needs the extra pinecone")
from tests.connectors.pinecone.stores import Stores
from tests.connectors.recorded import script, settled

GOLDEN = Path(__file__).parent / "golden" / "requests.json"
_NONCE = re.compile("h[0-9a-f]{32}")
_CANARY = re.compile(r"\b1(?:7[5-9]|[89]\d)\d{13}\b")  # microseconds of these years
_HOURS = re.compile(r'("ends_ms": ?\{"\$\w+": ?)1\d{12}(\.\d+)?')


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    made.service.is_lagging = False
    yield made
    made.close()


def test_requests_are_as_recorded(stores: Stores) -> None:
    found: dict[str, list[Any]] = {}

    def sent(step: str) -> None:
        found[step] = [_told(request) for request in stores.server.log]
        stores.server.log.clear()

    script(lambda spec: stores.make_here(spec, name="golden"), sent)
    if os.environ.get("RAGKIT_WRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def _told(request: Any) -> dict[str, Any]:
    text = _CANARY.sub("0", _HOURS.sub(r"\g<1>0", request.body.decode() or "null"))
    body = json.loads(_NONCE.sub("hX", text))
    told: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.parameters:
        told["parameters"] = {k: _NONCE.sub("hX", v) for k, v in request.parameters.items()}
    return told if body is None else {**told, "body": settled(body, _without_hours)}


def _without_hours(text: str) -> str:
    text = re.sub(r'("owner": ?")[^"]*', r"\1X", text)
    return re.sub(r'("expires_ms": ?)\d+', r"\g<1>0", text)
