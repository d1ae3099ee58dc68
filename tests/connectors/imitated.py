"""Stores on a server that is imitated here, for the time of a test.

A test module of a connector subclasses the checks of `faulty`, `guarded`, `injected` and `killed` with its
`Stores`: `make` opens a store over HTTP, `make_here` one whose client hands its requests over, `server` is
the `Loopback` between them, `service` what answers behind it, `loud` the server's own faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ragkit.store_spec import StoreSpec
from tests.connectors.loopback import Fault
from tests.connectors.workload import SPEC


class Imitated:
    """Stores for the time of a test."""

    kind: ClassVar[type[Any]]  # a connector's `Stores`
    settings: ClassVar[dict[str, Any]] = {}
    loud: ClassVar[tuple[Fault, ...]]

    @pytest.fixture(autouse=True)
    def _stores(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.hasten(monkeypatch)
        self.stores = self.kind()
        yield
        self.stores.close()

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes waits before a second try short."""
        raise NotImplementedError

    def store(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        return self.stores.make(spec, **{**self.settings, **settings})

    def store_here(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        return self.stores.make_here(spec, **{**self.settings, **settings})

    def beside(self, store: Any) -> Any:
        """Another process' store over the same index."""
        return self.store_here(name=store.config.name)
