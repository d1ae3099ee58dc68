"""Stores for the tests of a vendor that is asked over HTTP: on its local server, or on a real one."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, cast

from ragkit.store_spec import StoreSpec
from tests.connectors.loopback import HandedOver, Loopback

S = TypeVar("S")


class HttpStores(Generic[S]):
    """Makes stores, each with an index of its own, and removes them."""

    kind: ClassVar[type[Any]]
    in_process: ClassVar[Callable[..., Any]]  # a store whose client hands its requests over
    address: ClassVar[str]  # the setting that names the server
    prefix: ClassVar[str]  # of names

    def __init__(self, service: Any) -> None:
        self.service = service
        self.server = Loopback(self.service)
        self.server.start()
        self.opened: list[Any] = []

    def make(self, spec: StoreSpec | None, kind: Callable[..., S] | None = None, **settings: Any) -> S:
        """An empty store; on the local server unless the settings name another."""
        place = {self.address: self.server.url, "name": f"{self.prefix}{uuid.uuid4().hex[:12]}"}
        made: Any = kind or self.kind
        store = made(**{**place, **settings}).open(spec)
        self.opened.append(store)
        return cast(S, store)

    def make_here(self, spec: StoreSpec | None, **settings: Any) -> S:
        """The same without a network."""
        return self.make(spec, partial(type(self).in_process, HandedOver(self.server)), **settings)

    def remove(self, store: Any) -> None:
        """Deletes what lies on a real server."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes all, and deletes what lies on a real server."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if getattr(store.config, self.address) != self.server.url:
                self.remove(store)
        self.server.stop()
