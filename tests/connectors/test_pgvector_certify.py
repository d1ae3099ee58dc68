"""A PostgreSQL database is certified in schemas of its own, of which none is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.testing.certify import certify
from tests.connectors.pgvector_server import Stores, server


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    made = Stores(user=request.param)
    yield made
    made.close()


def schemas() -> list[Any]:
    with server().connect("rag") as connection:
        return connection.execute("SELECT nspname FROM pg_namespace ORDER BY nspname").fetchall()


@pytest.mark.parametrize(
    ("stores", "tenancy"), [("postgres", "filter"), ("bound", "rls")], indirect=["stores"]
)
def test_it_is_certified_and_nothing_is_left(stores: Stores, tenancy: str) -> None:
    before = schemas()
    done = certify(stores.unopened(tenancy=tenancy), "store/pgvector", cases=8)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
    assert done.engine is not None
    assert done.engine.name == "PostgreSQL + pgvector"
    assert (done.counts["skipped"] > 0, done.n_cases) == ((True, 4) if tenancy == "rls" else (False, 8))
    assert schemas() == before
