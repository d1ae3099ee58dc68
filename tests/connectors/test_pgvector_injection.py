"""Texts that are SQL elsewhere: they go in and come back, and not a letter of a statement changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ragkit.errors import ConfigError
from ragkit.filters import Contains, Eq, In, Ne, Not, NotIn, Or
from ragkit.protocols import Change, Scope
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, server
from tests.hostile import STRANGERS

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

_SEEDS = (
    "' OR '1'='1", "'; DROP TABLE chunks; --", '" OR ""="', "') OR ('1'='1", "1; SELECT pg_sleep(9)", "/* */",
    "--", "\\'; --", "%s", "%(f0)s", "%%", "{shown}", "{population}", "{}", "$1", "$$; DROP SCHEMA x; $$",
    ":x", "E'\\x00'", "U&'\\0027'", "*", "?|", "@>", "tenant", "t*", "null", "true", "NaN", "\\", "\\0",
    "\x00", "a\x00b", "\x00'; --", "\U0010fffd\U0010fffe\U0010ffff", "\U0010fffd", "\uffff", "\ufeff",
    '{"x":1}', "[]", "$[*] ? (@ == 1)", "''", "'", '"', "`", "\r\n", "é", "e\u0301", "😀" * 200,
    "set_config('ragkit.tenant','*',true)", "COPY chunks TO PROGRAM 'id'", "pg_read_file('/etc/passwd')",
)  # fmt: skip
_FRAMES = ("{0}", "acme{0}", "x{0}y{0}", "'{0}")
PAYLOADS = tuple(
    dict.fromkeys(frame.replace("{0}", seed) for frame in _FRAMES for seed in (*_SEEDS, *STRANGERS))
)


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent, in order."""
    statements: list[str] = []
    for name in ("execute", "executemany"):
        plain = getattr(psycopg.Cursor, name)

        def noting(self: Any, query: Any, *args: Any, plain: Any = plain, **options: Any) -> Any:
            statements.append(query if isinstance(query, str) else query.as_string(self))
            return plain(self, query, *args, **options)

        monkeypatch.setattr(psycopg.Cursor, name, noting)
    return statements


def use(store: PgvectorStore, text: str) -> None:
    """Writes, reads and removes with a text wherever one is taken; it comes back as it went in."""
    metadata = {"lang": text, "tags": [text], text: text}
    change = put("d", [(f"{text} common", EAST)], tenant=text, metadata=metadata, acl=[text])
    assert change.document is not None
    change = Change(
        replace(change.state, document_id=text, uri=text, origin=text, fingerprint=text),
        document=replace(change.document, id=text, uri=text),
        records=tuple(
            replace(
                r,
                chunk=replace(r.chunk, document_id=text, uri=text, headings=(text,)),
                terms=(text, "common"),
            )
            for r in change.records
        ),
    )
    store.commit([change, quarantine(f"{text} bad", tenant=text, stage=text, reason=text)])
    identity = change.records[0].chunk.id
    wanted = Or((
        Eq("lang", text), In("tags", (text, "x")), Contains("tags", text), Ne("lang", text),
        NotIn("tags", (text,)), Contains("note", text),
    ))  # fmt: skip
    scope = Scope(text, (text,), wanted)
    assert store.search(EAST[None], 5, scope)[0].id_list() == [identity]
    assert store.search_terms([[text]], 5, scope)[0].id_list() == [identity]
    assert store.fetch([identity, text], scope) == [change.records[0].chunk, None]
    assert not store.search(EAST[None], 5, Scope(text, (text,), Eq("lang", text + "x")))[0].id_list()
    state = store.state(text, text)
    assert state is not None
    assert (state.uri, state.origin, state.fingerprint) == (text, text, text)
    assert store.source(text, text) == change.document
    assert [s.document_id for s in store.at_uri(text, text)] == [text]
    assert len(list(store.states(text))) == 2
    store.commit([remove(text, tenant=text), remove(f"{text} bad", tenant=text)])
    assert list(store.states(text)) == []


def test_statements_are_the_same_whatever_the_texts(stores: Stores, said: list[str]) -> None:
    store = stores.make(spec_of(tenant="keyword!", acl=["keyword"]))
    use(store, "plain")
    said.clear()
    use(store, "plain")
    expected = list(said)
    assert len(PAYLOADS) >= 300
    for payload in PAYLOADS:
        said.clear()
        use(store, payload)
        assert said == expected, payload
    assert store.verify() == []


@pytest.mark.parametrize("half", ["\ud800", "a\udfff", "en\udc00", "\ud800\0", "\udc00\ud800"])
def test_half_a_surrogate_pair_finds_what_it_finds_elsewhere(stores: Stores, half: str) -> None:
    spec = spec_of(acl=["keyword"])
    store, oracle = stores.make(spec), OracleStore(spec)
    langs = ("en", "a", "a\ud7ff", "a\ue000", "en\ue001", "\ud7ff", "\ue000", "😀", "b")
    changes = [
        put(f"d{i}", [(f"text {i}", EAST)], metadata={"lang": lang, "tags": [lang], "note": lang}, acl=["g"])
        for i, lang in enumerate(langs)
    ]
    store.commit(changes)
    oracle.commit(changes)
    leaves: list[Any] = [kind(name, half) for kind in (Eq, Ne) for name in ("lang", "tags", "note")]
    leaves += [Contains(name, half) for name in ("tags", "note")]
    wanted = [None, In("lang", (half, "en")), NotIn("tags", (half, "en")), *leaves, *map(Not, leaves)]
    for groups in (("g",), (half,), (half, "g")):
        for condition in wanted:
            scope = Scope(None, groups, condition)
            expected = oracle.search(EAST[None], 20, scope)[0].id_list()
            assert store.search(EAST[None], 20, scope)[0].id_list() == expected, (groups, condition)


def test_no_name_of_an_index_becomes_sql() -> None:
    for name in PAYLOADS:
        if re.fullmatch("[a-z_][a-z0-9_]*", name):
            continue  # plain, and quoted all the same
        with pytest.raises(ConfigError, match="store/pgvector: name: expected a name of small letters"):
            PgvectorStore(dsn="postgresql://rag@db/rag", name=name)


def test_a_name_that_is_a_word_of_sql_is_a_name(stores: Stores) -> None:
    for name in ("select", "table", "user", "null"):
        assert stores.make(spec_of(), name=name).head() == 0
        stores.opened[-1].close()
        with server().connect("rag") as connection:
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')
        stores.names.clear()
