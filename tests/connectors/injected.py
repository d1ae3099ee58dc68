"""Texts that are queries, scripts or paths elsewhere: what is written with them, and what is sent for it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ragkit.filters import And, Contains, Eq, Exists, Filter, In, Ne, Not, NotIn, Or
from ragkit.protocols import Change, Scope
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST
from tests.connectors.guarded import GUARDED
from tests.connectors.imitated import Imitated
from tests.connectors.loopback import Request
from tests.hostile import STRANGERS
from tests.scale import IS_FULL

_SEEDS = (
    '"}},{"match_all":{}}', '"){Get{Ours{content}}}', '"}]}}){content}} #', "\\", "\\\\", '\\"', '"', "'",
    "\\u0022", "\\u0000", "\x00", "a\x00b", "\n", "\r\n", "\t", "{", "}", "${x}", "$in", '{"$exists":true}',
    "$or", "*", "?", "a,b", "a|b", "../../", "%2e%2e%2f", "?tenant=x", "&limit=0", "#", '"""', "…", "null",
    "true", "NaN", "0", "-1", "1e400", "é", "e\u0301", "😀" * 200, "\ufeff", "\uffff", "\U0010ffff",
    "' OR 1=1 --", "__default__", "_additional", "operator:Or", "valueText", "ctx._source", " ", "x" * 9000,
    "{{x}}", "<script>", "Привет", "ПРИВЕТ\u0301",
)  # fmt: skip
_FRAMES = ("{0}", "acme{0}", "x{0}y{0}", "'{0}", '"{0}')


def payloads(seeds: Sequence[str], frames: Sequence[str] = _FRAMES) -> tuple[str, ...]:
    """Texts that mean something in a language, and those of strangers, within other text and alone."""
    made = (frame.replace("{0}", seed) for frame in frames for seed in (*seeds, *STRANGERS))
    return tuple(dict.fromkeys(made))


PAYLOADS = payloads(_SEEDS)
_TOKEN = re.compile(r"[0-9a-f]{24,}|[0-9a-f]{8}-[0-9a-f-]{27}|\d+(\.\d+)?([eE][-+]?\d+)?")


def wanted(text: str, *more: Filter) -> Filter:
    """A filter that has a text in each of its places, or one of `more`."""
    return Or((
        Eq("lang", text), In("tags", (text, "other")), Contains("tags", text), Ne("lang", text),
        NotIn("tags", (text,)), Contains("note", text), Not(And((Eq("note", text), Exists("year")))),
        *more,
    ))  # fmt: skip


def change(text: str, *, tenant: str | None = None, **more: Any) -> Change:
    """A document with a text wherever one is taken (not as its tenant if one is named), and more metadata."""
    metadata = {"lang": text, "tags": [text], f"{text}\x01": text, **more}
    owner = text if tenant is None else tenant
    made = put("d", [(f"{text} common", EAST)], tenant=owner, metadata=metadata, acl=[text])
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


def comes_back(store: Any, made: Change, asked: Filter) -> None:
    """Writes, reads and removes a document of one passage; it comes back as it went in, to the letter.

    Raises:
        AssertionError: it does not.
    """
    text, tenant, chunk = made.state.document_id, made.state.tenant, made.records[0].chunk
    bad = f"{text} bad"
    store.commit([made, quarantine(bad, tenant=tenant, stage=text, reason=text)])
    scope = Scope(tenant, (text,), asked)
    assert store.search(EAST[None], 5, scope)[0].id_list() == [chunk.id], text
    assert store.search_terms([[text, "nowhere"]], 5, scope)[0].id_list() == [chunk.id], text
    assert store.fetch([chunk.id, text], scope) == [chunk, None]
    state = store.state(tenant, text)
    assert (state.uri, state.origin, state.fingerprint) == (text, text, text)
    assert store.source(tenant, text) == made.document
    assert [s.document_id for s in store.at_uri(tenant, text)] == [text]
    store.commit([remove(text, tenant=tenant), remove(bad, tenant=tenant)])
    assert list(store.states(tenant)) == []
    store.compact()


class InjectionChecks(Imitated):
    """Texts that are queries or paths elsewhere: of a request only tokens and values change."""

    payloads: ClassVar[tuple[str, ...]] = PAYLOADS[:: 1 if IS_FULL else 20]
    injected: ClassVar[dict[str, Any]] = {}  # settings of the store

    def test_requests_are_the_same_whatever_the_texts(self) -> None:
        store = self.store_here(GUARDED, **self.injected)
        log = store.handed_over.server.log

        def sent_for(text: str) -> Any:
            log.clear()
            comes_back(store, change(text), wanted(text))
            return self.shapes(log)

        sent_for("first")
        sent_for("plain")
        expected = sent_for("usual")
        assert expected
        for payload in self.payloads:
            assert sent_for(payload) == expected, payload
        assert store.verify() == []

    def shapes(self, log: Sequence[Request]) -> Any:
        """What was sent, each kind of request once."""
        return sorted({json.dumps(self.shape(request)) for request in log})

    def shape(self, request: Request) -> Any:
        """A request without its values; see `shape_of`."""
        body = json.loads(request.body) if request.body else None
        return (request.method, _TOKEN.sub("#", request.path), sorted(request.parameters), shape_of(body))


def shape_of(value: Any) -> Any:
    """Keys and kinds; of a query in words all but its tokens and numbers."""
    if isinstance(value, dict):
        return {_TOKEN.sub("#", key): shape_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape_of(part)) for part in value})
    if isinstance(value, str) and value.startswith("{"):
        bare = re.sub(r'("#",?)+', '"#"', re.sub(r'"[0-9a-f]{24}"', '"#"', value))
        return (
            re.sub(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", "0", bare) if bare.startswith(("{Get", "{Agg")) else "str"
        )
    return type(value).__name__
