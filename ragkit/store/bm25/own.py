"""Our formula with the parameters that a collection ranks by, for stores that count terms themselves."""

from __future__ import annotations

from ragkit.errors import ConfigError
from ragkit.protocols import RankerFactory
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.search import DefaultBm25


def own_formula(ranker: RankerFactory | None, store: str) -> Bm25:
    """The formula; with the default parameters where no ranker is named.

    >>> own_formula(DefaultBm25(k1=1.2), "store/pgvector").k1
    1.2

    Raises:
        ConfigError: the ranker is another than our own, which a server cannot count for.
    """
    if ranker is None:
        return Bm25()
    if not isinstance(ranker, DefaultBm25):
        raise ConfigError(
            f"{store} ranks by bm25/default, whose parameters may be set, and not by {type(ranker).__name__}"
            ". Set collection.bm25.use: bm25/default"
        )
    return Bm25(ranker.config.k1, b=ranker.config.b)
