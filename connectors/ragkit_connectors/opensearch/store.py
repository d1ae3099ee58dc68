"""`store/opensearch`: two indexes of an OpenSearch cluster as the collection sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ragkit.protocols import Capabilities, Change, Vectors
from ragkit.store.abilities import Compaction, Engine
from ragkit.store.remote.bounds import PUSHED_DOWN
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch.calls import connect
from ragkit_connectors.opensearch.opening import opened
from ragkit_connectors.opensearch.scratch import engine_of, scratch_place
from ragkit_connectors.opensearch.security import check_reader, check_writer, refuse_writing
from ragkit_connectors.opensearch.server import OpenSearchServer
from ragkit_connectors.opensearch.settings import OpenSearchSettings


class OpenSearchStore(RemoteStore[OpenSearchServer]):
    """An index on an OpenSearch cluster: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = OpenSearchStore(hosts=["https://localhost:9200"], user="rag", password="…", name="support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/opensearch"
    Config = OpenSearchSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._may_write = False

    def make_client(self) -> Any:
        """The client that all requests go through."""
        return connect(self.config)

    def make_server(self) -> OpenSearchServer:
        """What all calls go through."""
        return OpenSearchServer(self.config, self.make_client)

    def prepared(self, server: OpenSearchServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index; see `opened`.

        Raises:
            StoreError: also where `tenancy: dls` is set and the role sees every tenant.
        """
        self._may_write = False
        spec = opened(server, spec, create=create)
        if self.config.tenancy == "dls":
            check_reader(server)
        return spec

    def compared_below(self, server: OpenSearchServer) -> int | None:
        """As it is set; None with `engine: exact`."""
        return None if self.config.engine == "exact" else self.config.exact_below

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search with `engine: exact`, else where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        is_exact = self.config.engine == "exact"
        return Capabilities(self.use, filters=PUSHED_DOWN, exact_dense=is_exact, sparse=True)

    def engine(self) -> Engine:
        """OpenSearch as the server says."""
        return engine_of(self._server)

    def scratch(self, name: str) -> AbstractContextManager[OpenSearchStore]:
        """A store with indexes of its own on the same cluster, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))

    # --- writing, for roles that see everything ---------------------------------------------------

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit; see `RemoteStore.commit`.

        Raises:
            StoreError: also where document-level security hides something from this user.
        """
        self._check_role()
        return super().commit(changes)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the right to write over several commits; see `RemoteStore.writing`."""
        self._check_role()
        with super().writing():
            yield

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Deletes what no reader can see any more; see `RemoteStore.compact`.

        The bytes leave the cluster's files as it merges segments.
        """
        self._check_role()
        return super().compact(wait_s=wait_s)

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then deletes what they removed; see `RemoteStore.erase`."""
        self._check_role()
        return super().erase(changes, wait_s=wait_s)

    def repair(self, embed: Callable[[Sequence[str]], Vectors] | None = None) -> list[str]:
        """Makes what is derived anew; see `RemoteStore.repair`."""
        self._check_role()
        return super().repair(embed)

    def _check_role(self) -> None:
        """Once for each opened store: a role's rights seldom change."""
        if self._may_write:
            return
        if self.config.tenancy == "dls":
            raise refuse_writing(self.where)
        check_writer(self._server)
        self._may_write = True
