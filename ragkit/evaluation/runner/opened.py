"""A pipeline that can be asked: its index opened, its models loaded, its graph set up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.assembly import Assembly
from ragkit.config.spec import Config
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.runner.index_cache import indexed
from ragkit.evaluation.runner.observe import Node
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.places import Whole
from ragkit.evaluation.runner.stage_key import StageKeys, stage_keys
from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec
from ragkit.ingest.progress import Progress, silent
from ragkit.store.collection import StoreCollection
from ragkit.subgraph import retrieval_graph
from ragkit.types import Answer, QueryPlan, Ranking


@dataclass(frozen=True, slots=True)
class Opened:
    """A pipeline ready to be asked. Made by `opened`.

    Args:
        config: with the index that is asked as its store.
        spec: the nodes that are run.
        keys: of the nodes' values, for the cache of stages.
        index: identifies what is searched.
        problems: documents that could not be ingested: id and reason.
        places: where chunks lie, by id, as far as that is known.
    """

    pipeline: Pipeline
    config: Config = field(kw_only=True, repr=False)
    spec: GraphSpec = field(kw_only=True, repr=False)
    graph: Graph = field(kw_only=True, repr=False)
    parts: Assembly = field(kw_only=True, repr=False)
    keys: StageKeys = field(kw_only=True, repr=False)
    index: str = field(kw_only=True)
    problems: Mapping[str, str] = field(kw_only=True)
    places: Mapping[str, Whole] = field(kw_only=True, repr=False)

    @property
    def collection(self) -> StoreCollection:
        """The collection that is searched."""
        return self.parts.collection

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in the graph's order."""
        return tuple(Node(node.name, node.stage.use) for node in self.graph.checked.nodes)

    @property
    def cut(self) -> dict[str, int]:
        """Where a ranking is cut, by node: a last stage without a `k` of its own gives all it was given."""
        return {} if self.pipeline.answers else {self.spec.output: self.pipeline.k}

    def plan(self, question: Question) -> QueryPlan:
        """The plan of a question, in its conversation, with the current commit pinned.

        Raises:
            QueryError, TenantError, FilterError: as for `RAG.ask`.
        """
        # A lone surrogate cannot be encoded for a model or a store.
        text = question.text.encode("utf-8", "replace").decode("utf-8")
        asked = self.pipeline
        return self.collection.plan(
            text, tenant=asked.tenant, acl=asked.acl, filter=asked.filter, history=question.history
        )


@contextmanager
def opened(
    pipeline: Pipeline, dataset: Dataset, cache: Path, *, progress: Progress = silent
) -> Iterator[Opened]:
    """Opens a pipeline over a dataset for the time of the block; indexes the dataset where that is needed.

    Raises:
        EvalError: see `indexed`.
        ConfigError, GraphError, QueryError, StoreError: as `RAG` raises them.
    """
    config, key = pipeline.config, ""
    problems: Mapping[str, str] = {}
    places: Mapping[str, Whole] = {}
    if pipeline.corpus == "dataset":
        made = indexed(pipeline, dataset, cache, progress=progress)
        config, key, problems, places = made.config, made.key, made.problems, made.places
    parts = Assembly(config, create=False)
    try:
        yield set_up(pipeline, config, parts, index=key, problems=problems, places=places)
    finally:
        parts.close()


def set_up(
    pipeline: Pipeline,
    config: Config,
    parts: Assembly,
    *,
    index: str,
    problems: Mapping[str, str],
    places: Mapping[str, Whole],
) -> Opened:
    """The pipeline over an index that is there.

    Args:
        pipeline: what is asked.
        config: with the index as its store.
        parts: of that configuration.
        index: identifies what is searched; empty where it is the pipeline's own, and to be looked at.
        problems: documents that could not be ingested.
        places: where chunks lie, as far as that is known.

    Raises:
        GraphError: its stages do not fit together.
        ConfigError, StoreError: the index cannot be opened.
    """
    spec = _spec_of(pipeline)
    gives = Answer if pipeline.answers else Ranking
    checked = check(spec, takes=QueryPlan, gives=gives)
    graph = Graph(checked, parts)
    index = index or _own_index(config, parts.collection)
    # Before stages are set up, for then they hold more than their settings.
    keys = stage_keys(spec, [node.name for node in checked.nodes], config, parts, index)
    graph.setup()
    return Opened(
        pipeline,
        config=config,
        spec=spec,
        graph=graph,
        parts=parts,
        keys=keys,
        index=index,
        problems=problems,
        places=places,
    )


def _spec_of(pipeline: Pipeline) -> GraphSpec:
    """The nodes that are asked, with stages of their own: setting up binds a stage to one collection."""
    spec = pipeline.config.graph
    spec = replace(spec, nodes=tuple(replace(node, stage=copy(node.stage)) for node in spec.nodes))
    return spec if pipeline.answers else retrieval_graph(spec, pipeline.retriever, pipeline.k)


def _own_index(config: Config, collection: StoreCollection) -> str:
    store = config.stores[config.collection.store]
    facts: dict[str, Any] = {
        # As they are, and not as shown: two servers may be called by the same variable.
        "store": [store.use, store.settings.model_dump(mode="json")],
        "fields": {name: spec.declaration for name, spec in collection.fields.items()},
        "commit": collection.head(),
        "embedder": collection.embedder.fingerprint,
        "analyzer": collection.analyzer.fingerprint,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
