"""From a configuration to live objects: models, store, collection. Each is made once, when first needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from threading import RLock
from typing import Any

from ragkit import registry
from ragkit.cache.answers import AnswerCache
from ragkit.config.kinds import ref_in
from ragkit.config.problems import listed
from ragkit.config.resolve import with_models
from ragkit.config.spec import ComponentSpec, Config
from ragkit.errors import ConfigError, MissingExtraError, RagkitError, StoreError, did_you_mean
from ragkit.graph.sync import run_sync
from ragkit.models.metered import metered
from ragkit.protocols import ChatModel, Embedder, PassageReader, Reranker
from ragkit.store.collection import StoreCollection
from ragkit.store.in_step import InStep
from ragkit.store.opening import open_collection


class Assembly:
    """The live parts of one configuration; the `Resources` that its graph is built with.

    Args:
        config: as loaded.
        create: whether a store that does not exist yet may be made.
    """

    def __init__(self, config: Config, *, create: bool) -> None:
        self._config = config
        self._create = create
        self.answers = AnswerCache(config.cache)
        self._models: dict[str, Any] = {}
        self._counted: dict[str, ChatModel] = {}
        self._making: list[str] = []
        self._collection: StoreCollection | None = None
        self._is_closed = False
        self._lock = RLock()

    @property
    def is_open(self) -> bool:
        """Whether the collection can be had without opening anything."""
        return self._collection is not None

    @property
    def collection(self) -> StoreCollection:
        """The collection that the graph talks to.

        Raises:
            ConfigError: it was made with another model, or does not exist and may not be made.
            StoreError: its store cannot be opened, or was closed.
        """
        with self._lock:
            if self._is_closed:
                raise StoreError(
                    "this RAG is closed. Open it again with ragkit.open(...) or ragkit.load(...)"
                )
            if self._collection is None:
                names = self._config.collection.followers
                followers = InStep({name: self._opener(name) for name in names}) if names else None
                store = self._config.collection.store
                self._collection = self._opened(store, create=self._create, followers=followers)
                self._collection.also_drops(self.answers.clear)
            return self._collection

    def collection_if_there(self) -> StoreCollection | None:
        """The collection, if it exists and can be opened; it is not made.

        Raises:
            ConfigError: it was made with another model or analyzer.
        """
        with self._lock:
            may_create, self._create = self._create, False
            try:
                return self.collection
            except StoreError:
                return None
            finally:
                self._create = may_create

    def collection_in(self, store: str) -> StoreCollection:
        """The same collection in another declared store, made if it is not there. The caller closes it.

        Raises:
            ConfigError: no such store is declared, it is the one in use, or it was made with another model or
                analyzer.
            StoreError: it cannot be opened.
        """
        if store == self._config.collection.store:
            raise ConfigError(f"the collection is in {store!r} already. Name another one under stores:")
        return self._opened(store, create=True)

    def embedder(self, ref: object) -> Embedder:
        """The embedder that `ref` names under `models:`, or `ref` itself."""
        model = self._model(ref)
        if not isinstance(model, Embedder):
            raise ConfigError(
                f"models.{ref}: an embedder (embed/…) is needed here, not {type(model).__name__}"
            )
        return model

    def reranker(self, ref: object) -> Reranker:
        """The reranker that `ref` names under `models:`, or `ref` itself."""
        model = self._model(ref)
        if not isinstance(model, Reranker):
            raise ConfigError(
                f"models.{ref}: a reranker (rerank/…) is needed here, not {type(model).__name__}"
            )
        return model

    def reader(self) -> PassageReader | None:
        """The graph's reranker that reads passages when they are embedded; None where there is none."""
        ref = self.reader_ref
        model = None if ref is None else self._model(ref)
        assert model is None or isinstance(model, PassageReader)
        return model

    @property
    def reader_ref(self) -> object:
        """What names that reranker in the graph, or the object itself; None where there is none."""
        for node in self._config.graph.nodes:
            for name, info in type(node.stage.config).model_fields.items():
                ref = ref_in(info.metadata)
                if ref is not None and ref.role == "rerank":
                    named = getattr(node.stage.config, name)
                    if self._reads_passages(named):
                        return named
        return None

    def chat_model(self, ref: object) -> ChatModel:
        """The chat model that `ref` names under `models:`, or `ref` itself; its calls are counted."""
        model = self._model(ref)
        if not isinstance(model, ChatModel):
            raise ConfigError(
                f"models.{ref}: a chat model (llm/…) is needed here, not {type(model).__name__}"
            )
        if not isinstance(ref, str):
            return metered(model)
        with self._lock:
            return self._counted.setdefault(ref, metered(model))

    def probe(self) -> dict[str, str]:
        """Asks the models that are used and can say whether they are reached; what they say, by name.

        Raises:
            ModelError: one of them cannot be reached, or refuses.
        """
        with self._lock:
            models = dict(self._models)
        return {name: model.probe() for name, model in models.items() if hasattr(model, "probe")}

    def close(self) -> None:
        """Closes what was opened, for good: stages still hold what they were set up with."""
        with self._lock:
            self._is_closed = True
            self.answers.clear()
            if self._collection is not None:
                self._collection.close()
                self._collection = None
            closings = [model.aclose for model in self._models.values() if hasattr(model, "aclose")]
        if closings:
            # Refused where a stage closes in the midst of a blocking call; then they close with the loop.
            with suppress(RagkitError):
                run_sync(_called(closings))

    def _opener(self, store: str) -> Callable[[], StoreCollection]:
        return lambda: self._opened(store, create=True)

    def _opened(self, store: str, *, create: bool, followers: InStep | None = None) -> StoreCollection:
        spec = self._config.collection
        return open_collection(
            make(named(self._config.stores, store, "stores")),
            embedder=self.embedder(spec.embed),
            bm25=spec.bm25,
            fields=spec.fields,
            create=create,
            followers=followers,
            vectors_kept=self._config.cache.embeddings.max_entries,
        )

    def _reads_passages(self, ref: object) -> bool:
        """Told by its class: whoever only ingests need not be able to load every model of the graph."""
        if not isinstance(ref, str):
            return isinstance(ref, PassageReader)
        spec = self._config.models.get(ref)
        try:
            return spec is not None and hasattr(registry.load(spec.use), "embed_and_read")
        except MissingExtraError:
            return False

    def _model(self, ref: object) -> object:
        if not isinstance(ref, str):
            return ref
        with self._lock:
            if ref not in self._models:
                self._models[ref] = self._made(ref)
            return self._models[ref]

    def _made(self, name: str) -> object:
        """A model with the models that its settings name."""
        if name in self._making:
            raise ConfigError(f"models: {' → '.join((*self._making, name))}: a model cannot stand on itself")
        spec = named(self._config.models, name, "models")
        self._making.append(name)
        try:
            return registry.load(spec.use)(**with_models(spec.settings, self._model))
        finally:
            self._making.pop()


async def _called(closings: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Closes idle connections, of the loop that the blocking calls run in."""
    for close in closings:
        await close()


def make(spec: ComponentSpec) -> Any:
    """The component that a spec describes.

    Raises:
        MissingExtraError: a package it needs is not installed.
    """
    return registry.load(spec.use)(**spec.settings.as_keywords())


def named(table: Mapping[str, ComponentSpec], name: str, where: str) -> ComponentSpec:
    """The component that is declared under a name in the section `where`.

    Raises:
        ConfigError: there is none; the message says what there is, and offers the nearest.
    """
    if name not in table:
        raise ConfigError(
            f"{where}: nothing is named {name!r}; it has: {listed(sorted(table))}.{did_you_mean(name, table)}"
        )
    return table[name]
