"""`on/ray`: a Ray cluster as the place where work is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pydantic import Field, field_validator

import ragkit
from ragkit.errors import ClusterError
from ragkit.evaluation.question import Question
from ragkit.evaluation.runner.handed import Take
from ragkit.ingest.crew import Crew, Hire
from ragkit.ingest.embed import Embedding
from ragkit.ingest.making import Making
from ragkit.ingest.parse.formats import PARSER_VERSION
from ragkit.settings import Settings
from ragkit_connectors.ray.cluster import CLIENT, Cluster
from ragkit_connectors.ray.crew import RayCrew
from ragkit_connectors.ray.join import joined
from ragkit_connectors.ray.nodes import check_nodes
from ragkit_connectors.ray.pool import Pool
from ragkit_connectors.ray.questions import ask_all
from ragkit_connectors.ray.wire import NotPlainError, metadata_json


class OnRay:
    """Actors of a Ray cluster do the work; this process decides and writes.

    Example:
        rag.ingest("docs/", on=OnRay(address="ray://head:10001", workers=16, gpus=1))
    """

    class Config(Settings):
        address: str = Field(
            "",
            description="ray://HOST:10001; empty for the cluster of the variable RAY_ADDRESS, and where that "
            "is not set for one that is started here for the time of the call.",
        )
        workers: int | None = Field(
            None, ge=1, le=10_000, description="How many actors; as many as there are slots when left out."
        )
        gpus: float = Field(
            0.0, ge=0.0, le=64.0, description="GPUs that each worker holds; 0 for one processor slot."
        )
        cpus: float = Field(1.0, ge=0.0, le=1024.0, description="Processor slots that each worker holds.")
        in_flight_mb: int = Field(
            64, ge=1, le=1_000_000, description="Megabytes of documents that are under way at once."
        )
        connect_s: float = Field(
            60.0, gt=0.0, le=3600.0, description="Seconds that a cluster which is joined has to answer."
        )

        @field_validator("address")
        @classmethod
        def _is_an_address(cls, address: str) -> str:
            if address and not (address.startswith(CLIENT) and address.rpartition(":")[2].isdigit()):
                raise ValueError(
                    f"{address!r} is no address of a Ray cluster: expected ray://HOST:PORT, for example "
                    "ray://head:10001 (the port of its client server)"
                )
            return address

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("on/ray", settings)

    def hire(self, recipe: str, reader: str | None) -> Hire:
        """See `ragkit.ingest.elsewhere.Elsewhere`."""

        @contextmanager
        def crew(making: Making, embedding: Embedding) -> Iterator[Crew]:
            setup = self._setup(recipe, reader, making)
            with self.cluster() as cluster:
                own = {"ragkit": ragkit.__version__, "parser": PARSER_VERSION, **making.fingerprints}
                own["embedder"] = embedding.fingerprint
                with self.pool(cluster, "Worker", setup, own) as pool:
                    yield RayCrew(pool, making, embedding, max_bytes=self.config.in_flight_mb * 2**20)

        return crew

    def held(self) -> AbstractContextManager[Cluster]:
        """Stays joined for the time of the block; what is done in it uses the same cluster."""
        config = self.config
        return joined(config.address, cpus=config.workers, within_s=config.connect_s)

    def ask(self, told: Mapping[str, Any], questions: Sequence[Question], take: Take) -> None:
        """See `ragkit.evaluation.runner.handed.AsksElsewhere`."""
        with (
            self.cluster() as cluster,
            self.pool(cluster, "Asking", json.dumps(told).encode(), told["facts"]) as pool,
        ):
            ask_all(pool, questions, take)

    @contextmanager
    def cluster(self) -> Iterator[Cluster]:
        """The cluster, joined, once each of its nodes is known to run what this process runs."""
        with self.held() as cluster:
            check_nodes(cluster)
            yield cluster

    @contextmanager
    def pool(self, cluster: Cluster, kind: str, setup: bytes, own: dict[str, Any]) -> Iterator[Pool]:
        """A pool of workers of a class of `ragkit_connectors.ray`, each told `setup` first.

        Args:
            cluster: where.
            kind: `Worker` or `Asking`.
            setup: what `hello` is given.
            own: what this process has for each fact that workers must share.
        """
        pool = Pool(
            cluster,
            start=_starter(cluster, kind, cpus=self.config.cpus, gpus=self.config.gpus),
            greet=setup,
            accept=_comparing(own),
            size=self.config.workers or self._slots(cluster),
        )
        try:
            yield pool
        finally:
            pool.close()

    def _slots(self, cluster: Cluster) -> int:
        """As many workers as the nodes have room for."""
        gpus, cpus = self.config.gpus, self.config.cpus
        if gpus:
            return max(1, sum(int(node.gpus / gpus) for node in cluster.nodes()))
        return max(1, sum(int(node.cpus / (cpus or 1)) for node in cluster.nodes()))

    def _setup(self, recipe: str, reader: str | None, making: Making) -> bytes:
        given = making.given
        try:
            metadata = metadata_json(given.metadata)
        except NotPlainError:
            # What the collection will not take is refused document by document, as it is without a cluster.
            metadata = {}
        setup = {
            "recipe": recipe,
            "reader": reader,
            "threads": max(1, int(self.config.cpus)),
            "fingerprint": making.fingerprint,
            "metadata": metadata,
            "acl": None if given.acl is None else list(given.acl),
        }
        return json.dumps(setup).encode()


def _starter(cluster: Cluster, kind: str, *, cpus: float, gpus: float) -> Callable[[], Any]:
    """Makes actors. They are not started again by Ray: the pool knows what a dead one was doing."""

    def start() -> Any:
        import importlib

        home = importlib.import_module(f"ragkit_connectors.ray.{kind.lower()}")
        actor = cluster.ray.remote(getattr(home, kind))
        return actor.options(
            num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0, max_concurrency=1
        ).remote()

    return start


def _comparing(own: dict[str, Any]) -> Callable[[bytes], None]:
    """What looks at a worker's word on itself: all must be made alike, or the index would be of two kinds."""

    def accept(answer: bytes) -> None:
        facts = json.loads(answer)
        node = facts["node"]
        if "error" in facts:
            raise ClusterError(
                f"a worker on node {node} cannot be set up: {facts['error']}. Install the same extras and "
                "set the same environment variables on each node as here"
            )
        for name, here in own.items():
            if facts.get(name) != here:
                raise ClusterError(
                    f"node {node} has another {name} than this process: {facts.get(name)} there, {here} "
                    "here. Install the same ragkit, with the same models, on both"
                )

    return accept
