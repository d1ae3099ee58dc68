"""What is measured: a configuration, and which part of it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ragkit.app import Retriever
from ragkit.config.spec import Config
from ragkit.errors import EvalError, did_you_mean
from ragkit.store.arguments import MAX_K

Corpus = Literal["dataset", "own"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A configuration under a name, and which part of it is asked.

    Args:
        name: how tables and folders call it.
        config: as `load_config` gives it.
        retriever: where `answers` is False, the part of the graph that ranks: `full` is all of it, `hybrid`
            ends at the first fusion, `dense` and `bm25` are one arm alone.
        answers: whether the whole graph is run, as `RAG.ask` does, or only the part that ranks, as
            `RAG.retrieve` does.
        k: where `answers` is False, how many passages the ranking has: as deep as the deepest measure and
            more, for several passages of a document count as one. A whole graph ranks as deep as it was
            configured to.
        corpus: `dataset` indexes the dataset's documents, in an index of the harness's own; `own` asks the
            index of the configuration as it is.
        tenant, acl, filter: as for `RAG.ask`, the same for every question.

    >>> from ragkit.config.defaults import default_config
    >>> Pipeline("words", config=default_config(), retriever="bm25", answers=False).k
    100
    """

    name: str
    config: Config = field(kw_only=True, repr=False)
    retriever: Retriever = field(default="full", kw_only=True)
    answers: bool = field(default=True, kw_only=True)
    k: int = field(default=100, kw_only=True)
    corpus: Corpus = field(default="dataset", kw_only=True)
    tenant: str | None = field(default=None, kw_only=True)
    acl: tuple[str, ...] | None = field(default=None, kw_only=True)
    filter: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Checks what stands in a suite.

        Raises:
            EvalError: an unknown retriever or corpus, a `k` out of range, or answers of an arm alone.
        """
        if not self.name.strip():
            raise EvalError("a pipeline has no name")
        _check_word(self.name, "retriever", self.retriever, get_args(Retriever))
        _check_word(self.name, "corpus", self.corpus, get_args(Corpus))
        if type(self.k) is not int or not 1 <= self.k <= MAX_K:
            raise EvalError(
                f"pipeline {self.name!r}: k={self.k!r}: expected a whole number from 1 to {MAX_K}"
            )
        if self.answers and self.retriever != "full":
            raise EvalError(
                f"pipeline {self.name!r}: retriever: {self.retriever} ranks and gives no answers. Set "
                "answers: false, or leave out the retriever"
            )


def _check_word(name: str, key: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EvalError(
            f"pipeline {name!r}: {key}={value!r}: expected one of: {', '.join(known)}."
            f"{did_you_mean(str(value), known)}"
        )
