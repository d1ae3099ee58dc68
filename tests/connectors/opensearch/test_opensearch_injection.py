"""Texts that are queries, scripts or paths elsewhere: not a key of a request changes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from ragkit.errors import ConfigError
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.points import chunk_point
from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch import OpenSearchStore
from ragkit_connectors.opensearch.mapping import document_of
from ragkit_connectors.opensearch.query import as_query, weighted_query
from tests.connectors.injected import InjectionChecks, change, payloads, wanted
from tests.connectors.loopback import Request
from tests.connectors.opensearch.stores import Stores
from tests.scale import IS_FULL

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
from tests.connectors.opensearch.in_process import in_process

_SEEDS = (
    '"}},{"match_all":{}}', '"}]}},"size":10000,"x":{"y":"', '{"query":{"match_all":{}}}',
    '{"script":{"source":"1"}}',
    "*", "?", "*:*", "_all", "tenant:*", "tenant:acme OR tenant:globex", "a AND b", "NOT x",
    "+a -b", "a~2", "a^9",
    "[* TO *]", "{* TO *}", "(a OR b)", "/.*/", "\\", "\\\\", '\\"', "\\u0000", "\x00", "a\x00b",
    "\n", "\r\n",
    '\n{"delete":{"_index":"ours","_id":"1"}}\n', '{"index":{}}\n', "%2e%2e%2f", "../_all/_search",
    "/_cat/indices",
    "?routing=x", "&preference=_local", "#", "a,b", "a|b", "${user.name}", "{{#toJson}}x{{/toJson}}",
    "ctx._source",
    "params.query_value", "doc['tenant'].value", "Runtime.getRuntime().exec('id')", "<script>", "null",
    "true", "NaN",
    "0", "-1", "1e400", "é", "e\u0301", "😀" * 200, "\ufeff", "\uffff", "\U0010ffff", "' OR 1=1 --",
    "_id", "_source",
    "dense", "weights.a", "a.b.c", ".", "..", " ", "x" * 9000,
)  # fmt: skip
PAYLOADS = payloads(_SEEDS)
_DIGEST = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")


def shape(value: Any) -> Any:
    """A body without its values: keys, and how many there are of what."""
    if isinstance(value, dict):
        return {"#" if _DIGEST.fullmatch(key) else key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


class TestInjection(InjectionChecks):
    """All requests of a document, one after the other, line by line."""

    kind = Stores
    # Each takes a fifth of a second: a part of them, and all at full scale.
    payloads: ClassVar[tuple[str, ...]] = PAYLOADS[:: 1 if IS_FULL else 12]

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing fails here."""

    def store_here(self, spec: StoreSpec, **settings: Any) -> Any:  # type: ignore[override]
        return in_process(spec, name="ours")

    def shapes(self, log: Sequence[Request]) -> list[Any]:
        out = []
        for request in log:
            lines = [json.loads(line) for line in request.body.splitlines()] if request.body else []
            routing = request.parameters.get("routing")
            assert routing is None or _DIGEST.fullmatch(routing)
            out.append((request.method, request.path, sorted(request.parameters), [shape(x) for x in lines]))
        return out


def test_no_text_becomes_a_part_of_a_query() -> None:
    """Of all of them: queries and documents as they are built."""
    assert len(PAYLOADS) >= 300

    def built(text: str) -> list[Any]:
        condition = upper_bound(wanted(text))
        point = chunk_point(change(text).records[0], "key", 1)
        return [
            shape(as_query(condition)),
            shape(weighted_query(condition, {text: 1.0, "other": 2.0})),
            shape(document_of(point)),
        ]

    expected = built("plain")
    for payload in PAYLOADS:
        assert built(payload) == expected, payload


def test_no_name_of_an_index_becomes_a_path() -> None:
    for name in PAYLOADS:
        if re.fullmatch("[a-z0-9][a-z0-9_-]{0,99}", name):
            continue
        with pytest.raises(ConfigError, match=r"name: expected a name of small letters"):
            OpenSearchStore(hosts=["http://o:9200"], name=name)
