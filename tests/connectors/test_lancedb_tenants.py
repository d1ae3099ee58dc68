"""No question is answered from what its reader may not see, even of an engine that is told no filter."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

from hypothesis import given, settings

from ragkit.filters import Contains, Eq, Filter, In, Ne, NotIn, Or
from ragkit.protocols import Change, Scope
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.conditions import Condition
from ragkit.testing import strategies as made
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.lancedb import server as lance
from ragkit_connectors.lancedb.filters import as_sql
from tests.connectors import across_tenants
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.lance_stores import Stores
from tests.hostile import STRANGERS
from tests.scale import scaled

SPEC = spec_of(tenant="keyword!", acl=["keyword"])


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


def test_no_call_of_many_leaks(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of them asked of an engine that is told no condition."""
    store = stores.make(across_tenants.SPEC)
    forgets = False
    plain = as_sql

    def forgetful(condition: Condition) -> str:
        return "true" if forgets else plain(condition)

    monkeypatch.setattr(lance, "as_sql", forgetful)

    def forget(rng: random.Random) -> None:
        nonlocal forgets
        forgets = rng.random() < 0.5

    def call() -> int:
        return call_across_tenants(store, scaled(100_000, part=100), forget).answered

    assert call() > scaled(100_000, part=100) // 2


# --- texts that are SQL -----------------------------------------------------------------------------

_SEEDS = (
    "' OR '1'='1", "'; DROP TABLE chunks; --", '" OR ""="', "') OR ('1'='1", "' OR true OR '", "/* */", "--",
    "' IS NOT TRUE OR '' = '", "']) OR array_has(acl, '", "', 'x']) OR true --", "\\'; --", "%", "_", "%s",
    "{}", "$1", "$$; DROP SCHEMA x; $$", ":x", "?", "E'\\x00'", "U&'\\0027'", "X'00'", "N'a'", "*", "`",
    "tenant", "first", "last", "_rowid", "_distance", "null", "true", "false", "NaN", "\\", "\\\\", "\\0",
    "\x00", "a\x00b", "\x00'; --", "\U0010fffd\U0010fffe\U0010ffff", "\uffff", "\ufeff", "\x1f", "\x7f",
    '{"x":1}', "[]", "['x']", "''", "'", "'''", '"', "\r\n", "\n--\n", "é", "e\u0301", "😀" * 200, "#" * 64,
    "cast(1 as int)", "array_has(k, 'x')", "1; SELECT 1", "date '2020-01-01'", "interval '1 day'",
    "../../etc/passwd", "x" * 9_000, "ё'Ё", "’", "‘", "\u02bc", "\u2019 OR 1=1", "＇ OR 1=1",
)  # fmt: skip
_FRAMES = ("{0}", "acme{0}", "x{0}y{0}", "'{0}")
PAYLOADS = tuple(
    dict.fromkeys(
        text
        for frame in _FRAMES
        for seed in (*_SEEDS, *STRANGERS)
        if len((text := frame.replace("{0}", seed)).encode("utf-8", "surrogatepass")) <= 20_000
    )
)
_SOME = PAYLOADS[:: 1 if scaled(20) == 20 else 10]


def change(text: str) -> Change:
    """A document with a text wherever one is taken; only tenants may not be longer than 2,048 bytes."""
    tenant = tenant_of(text)
    made_here = put(
        "d", [(f"{text} common", EAST)], tenant=tenant, metadata={"lang": text, "tags": [text], text: text},
        acl=[text],
    )  # fmt: skip
    assert made_here.document is not None
    return Change(
        replace(made_here.state, document_id=text, uri=text, origin=text, fingerprint=text),
        document=replace(made_here.document, id=text, uri=text),
        records=tuple(
            replace(
                record,
                chunk=replace(record.chunk, document_id=text, uri=text, headings=(text,)),
                terms=(text, "common"),
            )
            for record in made_here.records
        ),
    )


def tenant_of(text: str) -> str:
    return text if len(text.encode()) <= 2_048 else "long"


def test_texts_go_in_and_come_back_whatever_they_are_elsewhere(stores: Stores) -> None:
    """Each payload is seen by its own reader, beside one that would be seen if a condition fell open."""
    assert len(PAYLOADS) >= 300
    store = stores.make(SPEC)
    store.commit([put("other", [("other common", EAST)], tenant="other", acl=["other"])])
    changes = [change(text) for text in _SOME]
    by_tenant: dict[tuple[str, str], Change] = {}
    for made_here in changes:
        by_tenant[made_here.state.tenant, made_here.state.document_id] = made_here
    store.commit(list(by_tenant.values()))
    for text in _SOME:
        mine = by_tenant[tenant_of(text), text].records[0].chunk
        wanted = Or((
            Eq("lang", text), In("tags", (text, "x")), Contains("tags", text), Ne("lang", text),
            NotIn("tags", (text,)), Contains("note", text),
        ))  # fmt: skip
        scope = Scope(tenant_of(text), (text,), wanted)
        assert store.search(EAST[None], 9, scope)[0].id_list() == [mine.id], text
        assert store.search_terms([[text]], 9, scope)[0].id_list() == [mine.id], text
        assert store.fetch([mine.id, text], scope) == [mine, None]
        assert not store.search(EAST[None], 9, replace(scope, filter=Eq("lang", text + "x")))[0].id_list()
        assert not store.search(EAST[None], 9, replace(scope, acl=(text + "x",)))[0].id_list()
        assert not store.search(EAST[None], 9, Scope("nobody " + text[:100], (text,)))[0].id_list()
        assert [s.document_id for s in store.at_uri(tenant_of(text), text)] == [text]
        assert store.source(tenant_of(text), text) == by_tenant[tenant_of(text), text].document
    bad = [quarantine(f"{text} bad", tenant=tenant_of(text), stage=text, reason=text) for text in _SOME]
    store.commit(bad)
    assert {s.reason for s in store.quarantined()} == set(_SOME)
    store.erase([remove(text, tenant=tenant_of(text)) for text in _SOME])
    assert store.counts().chunks == 1
    assert store.verify() == []
    assert store.search(EAST[None], 9, Scope("other", ("other",)))[0].id_list()


_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"(?<![a-z\d])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_PLAIN = re.compile(
    r"(?:[() ,\[\]]|=|>=|<=|>|<|AND|OR|IS NOT TRUE|IN|true|false|array_has_any|array_has|"
    r"(?:lo|hi)\d\d|first|last|tenant|acl|terms|doc|id|k)*"
)


@settings(max_examples=scaled(4000), deadline=None)
@given(made.filters())
def test_no_text_of_a_question_becomes_a_part_of_a_condition(wanted: Filter) -> None:
    """Without its literals a condition is made of words that we know."""
    text = as_sql(upper_bound(wanted))
    assert _PLAIN.fullmatch(_NUMBER.sub("", _LITERAL.sub("", text))), text


@pytest.mark.parametrize("half", ["\ud800", "a\udfff", "en\udc00", "\ud800\0"])
def test_half_a_surrogate_pair_finds_what_it_finds_elsewhere(stores: Stores, half: str) -> None:
    spec = spec_of(acl=["keyword"])
    store, oracle = stores.make(spec), OracleStore(spec)
    langs = ("en", "a", "a\ud7ff", "a\ue000", "😀")
    changes = [
        put(f"d{i}", [(f"text {i}", EAST)], metadata={"lang": lang, "tags": [lang], "note": lang}, acl=["g"])
        for i, lang in enumerate(langs)
    ]
    store.commit(changes)
    oracle.commit(changes)
    wanted: list[Any] = [
        None, In("lang", (half, "en")), NotIn("tags", (half, "en")), Eq("lang", half), Ne("lang", half),
        Contains("tags", half), Contains("note", half),
    ]  # fmt: skip
    for groups in (("g",), (half,), (half, "g")):
        for condition in wanted:
            scope = Scope(None, groups, condition)
            expected = oracle.search(EAST[None], 20, scope)[0].id_list()
            assert store.search(EAST[None], 20, scope)[0].id_list() == expected, (groups, condition)
