"""Questions across tenants and groups, on any server that is imitated here."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np

from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.testing.data import put, unit
from ragkit.testing.stores import EAST, spec_of, texts
from tests.connectors import across_tenants
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.imitated import Imitated
from tests.scale import IS_FULL, scaled

GUARDED = spec_of(tenant="keyword!", acl=["keyword"])
TENANTS = ("acme", "Acme", "acme ", "acme\0", "*", "' OR 1=1 --", "globex", "гло\u200bбекс", "a,b", "a", "b")
GROUPS = ("staff", "legal", "staff")


class TenantChecks(Imitated):
    """No question is answered from what its reader may not see, even where the server forgets its filters."""

    def forget(self, request: Any) -> None:
        """Takes the filter out of a search for chunks."""
        raise NotImplementedError

    every_tenant: ClassVar[bool] = IS_FULL  # or a third of them
    n_calls: ClassVar[int] = scaled(20_000, part=50)

    def test_every_answer_is_the_readers_own(self) -> None:
        store = self.store_here(GUARDED)
        store.commit(
            put(f"d{i}", [(f"{t} {g} {i}", unit([1, i]))], tenant=t, acl=[g], metadata={"year": i})
            for t in TENANTS
            for i, g in enumerate(GROUPS)
        )
        everything = [hit for t in TENANTS for hit in _found(store, t, ("staff", "legal"))]
        assert len(set(everything)) == 3 * len(TENANTS)
        for forgets in (False, True):
            store.handed_over.change = self.forget if forgets else None
            for tenant in [*TENANTS[:: 1 if self.every_tenant else 3], "nobody", "ACME", ""]:
                self._check_reader(store, tenant, everything)

    def _check_reader(self, store: Any, tenant: str, everything: list[str]) -> None:
        for groups, wanted in ((("staff",), {0, 2}), (("legal",), {1}), (("Staff",), set()), ((), set())):
            scope = Scope(tenant, groups)
            expected = {f"{tenant} {g} {i}" for i, g in enumerate(GROUPS) if i in wanted}
            own = {text for text in texts(store, everything, scope) if text is not None}
            assert own == (expected if tenant in TENANTS else set())
            assert set(texts(store, _found(store, tenant, groups), scope)) == own
            (sparse,) = store.search_terms([["staff", "legal"]], 50, scope)
            assert set(texts(store, sparse.id_list(), scope)) == own
            assert np.count_nonzero(store.vectors(everything, scope).any(axis=1)) == len(own)
            (filtered,) = store.search(EAST[None], 50, Scope(tenant, groups, Eq("year", 2)))
            assert len(filtered) == (len(own) and int(2 in wanted))

    def test_no_call_of_many_leaks(self) -> None:
        """Half of them on a server that forgets its filters."""
        store = self.store_here(across_tenants.SPEC)

        def forgetful(rng: random.Random) -> None:
            store.handed_over.change = self.forget if rng.random() < 0.5 else None

        assert call_across_tenants(store, self.n_calls, forgetful).answered > 0.4 * self.n_calls


def _found(store: Any, tenant: str, groups: tuple[str, ...]) -> list[str]:
    found: list[str] = store.search(EAST[None], 50, Scope(tenant, groups))[0].id_list()
    return found
