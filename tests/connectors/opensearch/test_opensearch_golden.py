"""What the store sends, request by request, for a reader with a real server to compare.

RAGKIT_WRITE_GOLDEN=1 python -m pytest tests/connectors/opensearch/test_opensearch_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ragkit.filters import And, Contains, Eq, Gte, Lt, Ne, Not
from ragkit.protocols import Scope
from ragkit.testing.data import put, quarantine
from ragkit.testing.stores import EAST, NORTH, spec_of
from ragkit_connectors.opensearch import search

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
from tests.connectors.opensearch.in_process import InProcessStore, in_process

GOLDEN = Path(__file__).parent / "golden"
VOLATILE = {"owner": "OWNER", "expires_ms": 0, "holder": "HOLDER"}  # even as the name of a field
FILTER = And(
    (Ne("lang", "ru"), Gte("year", 2024), Lt("price", 9.5), Not(Contains("note", "x")), Eq("draft", False))
)


def script(store: InProcessStore) -> dict[str, list[Any]]:
    """The requests of each thing that is done, by what it is."""
    out: dict[str, list[Any]] = {"open": sent(store)}
    metadata: dict[str, Any] = {
        "lang": "en",
        "year": 2024,
        "price": 1.5,
        "draft": False,
        "note": "see",
        "date": "2025-01-01",
    }
    change = put("a", [("one two", EAST), ("two", NORTH)], tenant="acme", acl=["staff"], metadata=metadata)
    store.commit([change, quarantine("q", tenant="acme")])
    out["commit"] = sent(store)
    store.commit([put("a", [("three", EAST)], tenant="acme", acl=["staff"], metadata=metadata)])
    out["commit that replaces"] = sent(store)
    scope = Scope("acme", ("staff", "legal"), FILTER)
    store.search(EAST[None], 3, scope)
    out["search"] = sent(store)
    store.search_terms([["three", "two"]], 3, scope)
    out["search by terms"] = sent(store)
    store.fetch([change.records[0].chunk.id], scope)
    out["fetch"] = sent(store)
    store.counts()
    out["counts"] = sent(store)
    store.compact()
    out["compact"] = sent(store)
    return out


def sent(store: InProcessStore) -> list[Any]:
    """The requests since the last time; what is another each time has a name instead."""
    out = []
    for request in store.log:
        parameters = {k: v for k, v in request.parameters.items() if not k.startswith("if_")}
        lines = [json.loads(line) for line in request.body.splitlines()]
        body: Any = settled(lines if request.path == "/_bulk" else lines[0] if lines else None)
        out.append({"method": request.method, "path": request.path, "parameters": parameters, "body": body})
    store.log.clear()
    return out


def settled(value: Any) -> Any:
    """A body as it is each time."""
    if isinstance(value, dict):
        return {k: hour(v) if k == "ends_ms" else VOLATILE.get(k, settled(v)) for k, v in value.items()}
    return [settled(part) for part in value] if isinstance(value, list) else value


def hour(value: Any) -> Any:
    """A time, or a range of times, or the field of times."""
    if isinstance(value, dict):
        return {k: v if isinstance(v, str) else 0 for k, v in value.items()}
    return 0


@pytest.mark.parametrize("engine", ["lucene", "faiss", "exact"])
def test_requests_are_as_recorded(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 1000)
    store = in_process(
        spec_of(tenant="keyword!", acl=["keyword"]), name="golden", engine=engine, exact_below=0
    )
    found, path = script(store), GOLDEN / f"{engine}.json"
    if engine != "lucene":
        # The rest does not hang on the engine.
        found = {name: found[name] for name in ("open", "search")}
    if os.environ.get("RAGKIT_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))
