"""Texts that are queries, scripts or paths elsewhere: not a key of a request changes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from ragkit.errors import ConfigError
from ragkit.filters import And, Contains, Eq, Exists, Filter, In, Ne, Not, NotIn, Or
from ragkit.protocols import Change, Scope
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.points import chunk_point
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.opensearch import OpenSearchStore
from ragkit_connectors.opensearch.mapping import document_of
from ragkit_connectors.opensearch.query import as_query, weighted_query
from tests.hostile import STRANGERS
from tests.scale import IS_FULL

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
from tests.connectors.opensearch.in_process import InProcessStore, in_process

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
_FRAMES = ("{0}", "acme{0}", "x{0}y{0}", "'{0}", '"{0}')
PAYLOADS = tuple(
    dict.fromkeys(frame.replace("{0}", seed) for frame in _FRAMES for seed in (*_SEEDS, *STRANGERS))
)
_DIGEST = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")


def wanted(text: str) -> Filter:
    """A filter that has a text in each of its places."""
    return Or((
        Eq("lang", text), In("tags", (text, "other")), Contains("tags", text), Ne("lang", text),
        NotIn("tags", (text,)), Contains("note", text), Not(And((Eq("note", text), Exists("year")))),
    ))  # fmt: skip


def change(text: str) -> Change:
    """A document with a text wherever one is taken."""
    metadata = {"lang": text, "tags": [text], f"{text}\x01": text}
    made = put("d", [(f"{text} common", EAST)], tenant=text, metadata=metadata, acl=[text])
    assert made.document is not None
    return Change(
        replace(made.state, document_id=text, uri=text, origin=text, fingerprint=text),
        document=replace(made.document, id=text, uri=text),
        records=tuple(
            replace(
                record,
                chunk=replace(record.chunk, document_id=text, uri=text, headings=(text,)),
                terms=(text, "common word"),
            )
            for record in made.records
        ),
    )


def shape(value: Any) -> Any:
    """A body without its values: keys, and how many there are of what."""
    if isinstance(value, dict):
        return {"#" if _DIGEST.fullmatch(key) else key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


def shapes(store: InProcessStore) -> list[Any]:
    """What was sent since the last time."""
    out = []
    for request in store.log:
        lines = [json.loads(line) for line in request.body.splitlines()] if request.body else []
        routing = request.parameters.get("routing")
        assert routing is None or _DIGEST.fullmatch(routing)
        out.append(
            (request.method, request.path, sorted(request.parameters), [shape(line) for line in lines])
        )
    store.log.clear()
    return out


def use(store: InProcessStore, text: str) -> None:
    """Writes, reads and removes with a text; it comes back as it went in."""
    made = change(text)
    store.commit([made, quarantine(f"{text} bad", tenant=text, stage=text, reason=text)])
    identity = made.records[0].chunk.id
    scope = Scope(text, (text,), wanted(text))
    assert store.search(EAST[None], 5, scope)[0].id_list() == [identity]
    assert store.search_terms([[text, "nowhere"]], 5, scope)[0].id_list() == [identity]
    assert store.fetch([identity, text], scope) == [made.records[0].chunk, None]
    state = store.state(text, text)
    assert state is not None
    assert (state.uri, state.origin, state.fingerprint) == (text, text, text)
    assert store.source(text, text) == made.document
    assert [s.document_id for s in store.at_uri(text, text)] == [text]
    store.commit([remove(text, tenant=text), remove(f"{text} bad", tenant=text)])
    assert list(store.states(text)) == []
    store.compact()


def test_requests_are_the_same_whatever_the_texts() -> None:
    store = in_process(spec_of(tenant="keyword!", acl=["keyword"]), name="ours")
    use(store, "first")
    store.log.clear()
    use(store, "plain")
    expected = shapes(store)
    # Each takes a fifth of a second: a part of them, and all at full scale.
    for payload in PAYLOADS if IS_FULL else PAYLOADS[::12]:
        use(store, payload)
        assert shapes(store) == expected, payload
    assert store.verify() == []


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
