"""No question is answered from what its reader may not see, and no text becomes a part of an expression."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.errors import ConfigError
from ragkit.filters import And, Eq, Filter, Gte, Lt, Not
from ragkit.protocols import Change
from ragkit.store.remote.bounds import upper_bound
from ragkit.store.remote.points import chunk_point
from ragkit.store.remote.server import CHUNKS
from ragkit.testing.stores import spec_of
from ragkit_connectors.milvus import MilvusStore
from ragkit_connectors.milvus.expressions import Ended, expression
from ragkit_connectors.milvus.rows import row_of
from tests.connectors import across_tenants, injected
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.injected import comes_back, payloads
from tests.connectors.milvus.stores import ON_SERVER, Stores
from tests.scale import IS_FULL, scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
_SEEDS = (
    '"', "'", "\\", "\\\\", '\\"', '" or pk != "', "' or pk != '", '"] or pk in ["', '") or (pk != "',
    '"] ) or array_contains_any(k, ["', "pk != ''", "1 == 1", "{tenant}", "{x}", "%", "_", "like '%'",
    "$meta", '$meta["x"]', 'r["x"]', "tenant", "to_commit > 0", "count(*)", "*", "true", "null",
    "is null", "exists r",
    "json_contains(r, 1)", "TEXT_MATCH(content, 'x')", "PHRASE_MATCH(a, 'b', 1)", "random_sample(0.1)",
    "ST_WITHIN(a, 'b')", "not", "and", "||", "&&", "//", "/*", "--", ";", "\x00", "a\x00b", "\n", "\r\n",
    "\u2028", "\\u0000", "\\x00", "\\N{DIGIT ONE}", "0", "-1", "1e400", "NaN", "é", "e\u0301",
    "😀" * 200, "\ufeff",
    "\uffff", "\U0010ffff", "' OR 1=1 --", "${user.name}", "{{x}}", "<script>", "../x", "a.b.c",
    "", " ", "x" * 10_000,
)  # fmt: skip
_FRAMES = ("acme{0}", "x{0}y{0}", "'{0}", '"{0}', "{0}x")
PAYLOADS = payloads(_SEEDS, _FRAMES)
_CODE = re.compile(r'"[A-Za-z0-9_-]{22}"|\["[gl]te_[A-Za-z0-9_-]{22}"\]')
_WORDS = re.compile(
    r"(?:#|pk|tenant|acl|id|doc|k|r|terms|from_commit|to_commit|array_contains_any|and|or|not|in|''"
    r"|-?[0-9][0-9.e+]*|==|!=|<=|>=|<|>|[()\[\], ])+"
)


class ForgetfulStore(MilvusStore):
    """A store whose server ignores every expression of a search of chunks."""

    forgets = False

    def make_client(self, uri: str) -> Any:
        return Forgetful(super().make_client(uri), self)


class Forgetful:
    def __init__(self, client: Any, store: ForgetfulStore) -> None:
        self._client, self._store = client, store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*given: Any, **arguments: Any) -> Any:
            is_asked = given[:1] == (self._store.config.collection,) and "limit" in arguments
            if self._store.forgets and is_asked:
                arguments["filter"] = "pk != ''"
            return method(*given, **arguments)

        return call if name in ("search", "query") else method


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.mark.parametrize("place", [pytest.param({}, id="lite"), ON_SERVER])
def test_no_call_of_many_leaks(stores: Stores, place: dict[str, Any]) -> None:
    """Half of them on a server that forgets its filters."""
    store = stores.make(across_tenants.SPEC, ForgetfulStore, **place)
    assert isinstance(store, ForgetfulStore)

    def forget(rng: random.Random) -> None:
        store.forgets = rng.random() < 0.5

    assert call_across_tenants(store, scaled(20_000, part=40), forget).answered > scaled(9_000, part=40)


def wanted(text: str) -> Filter:
    """A filter that has a text in each of its places, and numbers in others."""
    return injected.wanted(text, Gte("year", 1), Not(Lt("price", 2.5)))


def change(text: str) -> Change:
    """A document with a text wherever one is taken."""
    return injected.change(text, year=2)


def test_no_text_becomes_a_part_of_an_expression() -> None:
    """Of all of them, in every place: but for codes, expressions are the same."""
    assert len(PAYLOADS) >= 300

    def built(text: str) -> str:
        scope = And((wanted(text), Eq("note", text)))
        ended = [
            Ended(4, frozenset({row_of(chunk_point(change(text).records[0], text, 1), CHUNKS, "")["doc"]}))
        ]
        return _CODE.sub("#", expression(upper_bound(scope), CHUNKS, ended))

    expected = built("plain")
    assert _WORDS.fullmatch(expected), expected
    for payload in PAYLOADS:
        assert built(payload) == expected, payload


def test_texts_come_back_as_they_went_in(stores: Stores) -> None:
    store = stores.make(spec_of(tenant="keyword!", acl=["keyword"]))
    for text in PAYLOADS if IS_FULL else PAYLOADS[::30]:
        comes_back(store, change(text), wanted(text))
    assert store.verify() == []


def test_no_name_of_a_collection_is_anything_else() -> None:
    for name in PAYLOADS:
        if re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,99}", name):
            continue
        with pytest.raises(ConfigError, match=r"collection: expected a name of letters"):
            MilvusStore(path="x.db", collection=name)
