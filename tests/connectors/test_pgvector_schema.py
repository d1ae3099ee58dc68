"""Where pgvector lies, what a role needs to look at an index, and what the index says it is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, spec_of
from tests.connectors.pgvector_server import Stores, server

SPEC = spec_of()


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def test_the_extension_is_made_beside_the_index_and_not_in_it(stores: Stores) -> None:
    with server().connect() as connection:
        connection.execute("CREATE DATABASE apart ENCODING 'UTF8' TEMPLATE template0")
    with server().connect("apart") as connection:
        connection.execute("CREATE SCHEMA postgres")  # the first place of search_path: "$user"
    index = stores.make(SPEC, dsn=server().dsn("apart"), name="postgres")
    assert index.verify() == []
    where = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    with server().connect("apart") as connection:
        assert connection.execute(where).fetchone() == ("public",)
        connection.execute("ALTER EXTENSION vector SET SCHEMA postgres")
    (problem,) = index.verify()
    assert "the extension vector lies in this schema" in problem
    with server().connect("apart") as connection:
        connection.execute("CREATE SCHEMA later; ALTER EXTENSION vector SET SCHEMA later")
    with pytest.raises(StoreError, match=r"lies in this schema.*ALTER EXTENSION vector SET SCHEMA public"):
        stores.make(SPEC, dsn=server().dsn("apart"), name="later")
    index.close()
    with server().connect("apart") as connection:
        for schema in ("public", "later", "postgres"):
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
    with pytest.raises(StoreError, match=r"the schema public, .*, is not either"):
        stores.make(SPEC, dsn=server().dsn("apart"))


def test_a_role_that_may_not_look_into_the_schema_is_told_what_grants_it(stores: Stores) -> None:
    owner = stores.make(SPEC)
    name = owner.config.name
    what = rf"lacks the right USAGE on {name}\..*GRANT USAGE ON SCHEMA {name} TO reader.*GRANT SELECT ON ALL"
    with pytest.raises(StoreError, match=what):
        stores.make(SPEC, name=name, dsn=server().dsn(user="reader"))
    with server().connect("rag") as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA {name} TO reader")
    with pytest.raises(StoreError, match=r"this role lacks a right.*SELECT on all its tables"):
        stores.make(SPEC, name=name, dsn=server().dsn(user="reader"))


def test_a_spec_that_is_not_given_is_the_one_that_was_recorded(stores: Stores) -> None:
    spec = spec_of(tenant="keyword!")
    store = stores.make(spec)
    store.commit([put("a", [("one", EAST)], tenant="acme")])
    again = stores.unopened(name=store.config.name).open()
    assert again.spec == spec
    assert len(again.search(EAST[None], 1, Scope("acme"))[0]) == 1
