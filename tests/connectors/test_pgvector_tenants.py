"""Tenants are kept apart: by the filter, and by the database itself where it is asked to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.errors import ConfigError
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, SparseIndexChecks, VectorStoreChecks, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from ragkit_connectors.pgvector.view import Shown
from tests.connectors import across_tenants
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.pgvector_server import Stores, server
from tests.scale import scaled

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

GUARDED = spec_of(tenant="keyword!")


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores(user="bound")
    yield made
    made.close()


class TestGuardedPgvector(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """As a role that row-level security binds, wherever the checks have tenants."""

    @pytest.fixture(autouse=True)
    def _stores(self, stores: Stores) -> None:
        self.stores = stores

    def make_store(self, spec: StoreSpec) -> PgvectorStore:
        return self.stores.make(spec, tenancy="rls" if spec.has_tenants else "filter")


# --- what the database does by itself ----------------------------------------------------------------


def two_tenants(stores: Stores) -> PgvectorStore:
    store = stores.make(GUARDED, tenancy="rls")
    store.commit([put("a", [("ours", EAST)], tenant="acme"), put("b", [("theirs", EAST)], tenant="globex")])
    return store


def seen(store: PgvectorStore, tenant: str | None) -> dict[str, set[str]]:
    """The tenants whose rows each table shows to the tables' own owner."""
    shown = {}
    with server().connect("rag", "bound") as connection, connection.transaction():
        connection.execute(f"SET search_path = {store.config.name}")
        if tenant is not None:
            connection.execute("SELECT set_config('ragkit.tenant', %s, true)", [tenant])
        for table in ("sources", "documents", "chunks", "postings"):
            rows = connection.execute(f"SELECT DISTINCT tenant FROM {table}").fetchall()
            shown[table] = {bytes(name).decode() for (name,) in rows}
    return shown


def test_every_table_shows_the_rows_of_one_tenant_alone(stores: Stores) -> None:
    store = two_tenants(stores)
    acme, nobody = f"t{b'acme'.hex()}", f"t{b'nobody'.hex()}"
    assert set(map(frozenset, seen(store, acme).values())) == {frozenset({"acme"})}
    for tenant in (None, "", nobody, "t", "acme", "t*"):
        if tenant in ("acme", "t*"):  # read as hexadecimal, of which it is none
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                seen(store, tenant)
        else:
            assert set(map(frozenset, seen(store, tenant).values())) == {frozenset()}


def test_nothing_is_written_for_another_tenant(stores: Stores) -> None:
    store = two_tenants(stores)
    with server().connect("rag", "bound") as connection, connection.transaction():
        connection.execute(f"SET search_path = {store.config.name}")
        connection.execute("SELECT set_config('ragkit.tenant', %s, true)", [f"t{b'acme'.hex()}"])
        assert connection.execute("UPDATE chunks SET to_commit = 1").rowcount == 1
        assert connection.execute("DELETE FROM postings").rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("INSERT INTO postings VALUES ('globex', 'x', 1, 1)")
        raise psycopg.Rollback


def test_a_forgotten_condition_shows_nothing_of_others(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = two_tenants(stores)
    forgotten = Shown("true", "true", {"tenant": b"acme"})
    monkeypatch.setattr(Shown, "by", lambda scope: forgotten)
    hits = store.search(EAST[None], 10, Scope("acme"))[0].id_list()
    assert [c.text for c in store.fetch(hits, Scope("acme")) if c is not None] == ["ours"]
    assert len(store.search_terms([["theirs", "ours"]], 10, Scope("acme"))[0]) == 1


@pytest.mark.parametrize(
    ("user", "what"), [("postgres", "a superuser"), ("bypassing", "a role with BYPASSRLS")]
)
def test_a_role_that_is_not_bound_is_refused(stores: Stores, user: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"tenancy: rls, and {user} is {what}.*NOSUPERUSER NOBYPASSRLS"):
        stores.make(GUARDED, tenancy="rls", dsn=server().dsn(user=user))


def test_row_level_security_needs_tenants(stores: Stores) -> None:
    with pytest.raises(
        ConfigError, match=r"declares no tenants. Declare collection.fields: \{tenant: keyword!\}"
    ):
        stores.make(spec_of(), tenancy="rls")


def test_an_index_made_without_guards_gets_them_from_its_owner(stores: Stores) -> None:
    store = stores.make(GUARDED)
    store.commit([put("a", [("ours", EAST)], tenant="acme")])
    name = store.config.name
    with server().connect("rag") as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA {name} TO reader")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO reader")
    with pytest.raises(ConfigError, match=r"not guarded yet. Open it once as the tables' owner"):
        stores.make(GUARDED, name=name, tenancy="rls", dsn=server().dsn(user="reader"))
    guarded = stores.make(GUARDED, name=name, tenancy="rls")
    assert len(guarded.search(EAST[None], 1, Scope("acme"))[0]) == 1
    assert len(stores.make(GUARDED, name=name, tenancy="rls", dsn=server().dsn(user="reader")).search(
        EAST[None], 1, Scope("acme"))[0]) == 1  # fmt: skip
    with pytest.raises(ConfigError, match=r"tenancy: filter would see none of them. Set tenancy: rls"):
        stores.make(GUARDED, name=name)


def test_who_opened_it_before_it_was_guarded_still_sees_what_is_theirs(stores: Stores) -> None:
    before = stores.make(GUARDED)
    before.commit([put("a", [("ours", EAST)], tenant="acme"), put("b", [("theirs", EAST)], tenant="globex")])
    stores.make(GUARDED, name=before.config.name, tenancy="rls")
    hits = before.search(EAST[None], 10, Scope("acme"))[0].id_list()
    assert [c.text for c in before.fetch(hits, Scope("acme")) if c is not None] == ["ours"]
    assert before.counts().documents == 2
    assert before.state("globex", "b") is not None


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE POLICY everybody ON chunks USING (true)", "the policy 'everybody' of the table chunks"),
        (
            "CREATE POLICY reading ON postings FOR SELECT USING (true)",
            "the policy 'reading' of the table postings",
        ),
        ("ALTER POLICY ragkit_tenant ON chunks USING (true)", "the policy 'ragkit_tenant' was changed"),
        ("ALTER POLICY ragkit_tenant ON sources WITH CHECK (true)", "'ragkit_tenant' was changed"),
        ("ALTER POLICY ragkit_tenant ON documents TO reader", "'ragkit_tenant' was changed"),
    ],
)
def test_a_policy_that_lets_more_through_is_refused(stores: Stores, statement: str, said: str) -> None:
    store = two_tenants(stores)
    with server().connect("rag", "bound") as connection:
        connection.execute(f"SET search_path = {store.config.name}")
        connection.execute(statement)
    with pytest.raises(ConfigError, match=f"tenancy: rls, and .*{said}"):
        stores.make(GUARDED, name=store.config.name, tenancy="rls")


def test_a_policy_that_lets_less_through_is_let_be(stores: Stores) -> None:
    store = two_tenants(stores)
    with server().connect("rag", "bound") as connection:
        connection.execute(f"SET search_path = {store.config.name}")
        connection.execute("CREATE POLICY fewer ON chunks AS RESTRICTIVE USING (true)")
    again = stores.make(GUARDED, name=store.config.name, tenancy="rls")
    assert len(again.search(EAST[None], 5, Scope("acme"))[0]) == 1


# --- whoever asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tenancy", ["filter", "rls"])
def test_no_call_shows_another_tenants_chunks(stores: Stores, tenancy: str) -> None:
    store = stores.make(across_tenants.SPEC, tenancy=tenancy)
    assert call_across_tenants(store, scaled(50_000)).answered > scaled(20_000)
