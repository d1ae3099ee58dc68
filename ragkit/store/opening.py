"""From a store with its settings to the collection that a configuration describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ragkit import registry
from ragkit.fields import FieldSpec
from ragkit.protocols import Analyzer, Embedder, RankerFactory
from ragkit.store.collection import StoreCollection
from ragkit.store.followers import Followers
from ragkit.store_spec import StoreSpec
from ragkit.text.analyze import Analyzer as TextAnalyzer


class Bm25Options(Protocol):
    """Settings of `bm25:` as `open_collection` takes them."""

    @property
    def use(self) -> str:
        """The registered name of what ranks by terms."""
        ...

    @property
    def language(self) -> str:
        """`auto`, or the ISO 639-1 code whose stemmer is used."""
        ...

    @property
    def k1(self) -> float:
        """See `Bm25`."""
        ...

    @property
    def b(self) -> float:
        """See `Bm25`."""
        ...


@runtime_checkable
class OpensForSpec(Protocol):
    """A store as configuration makes it: with its settings, not yet opened."""

    def open(self, spec: StoreSpec, *, create: bool, bm25: RankerFactory, analyzer: Analyzer) -> Any:
        """Opens it for a spec, or makes it; gives the opened store."""
        ...


def open_collection(
    store: OpensForSpec,
    *,
    embedder: Embedder,
    bm25: Bm25Options,
    fields: Mapping[str, FieldSpec],
    create: bool = True,
    followers: Followers | None = None,
    vectors_kept: int = 4096,
) -> StoreCollection:
    """The collection that a configuration describes; `followers` are stores that are written to as well.

    `vectors_kept` is how many vectors of recent texts are remembered.

    Raises:
        ConfigError: the store was made with another model, analyzer or other fields.
        StoreError: it cannot be opened, or is not there and `create` is False.
    """
    analyzer = TextAnalyzer(language=bm25.language)
    spec = StoreSpec(
        embedder.name,
        embedder_fingerprint=embedder.fingerprint,
        dimension=embedder.dimension,
        analyzer_fingerprint=analyzer.fingerprint,
        fields=fields,
    )
    ranker: RankerFactory = registry.load(bm25.use)(k1=bm25.k1, b=bm25.b)
    opened = store.open(spec, create=create, bm25=ranker, analyzer=analyzer)
    # Where none are declared, those that the store was made with.
    declared = fields or getattr(opened, "spec", spec).fields
    return StoreCollection(
        opened,
        embedder=embedder,
        analyzer=analyzer,
        fields=declared,
        followers=followers,
        vectors_kept=vectors_kept,
    )
