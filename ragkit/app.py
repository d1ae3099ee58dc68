"""`RAG`: open or load, ingest, ask, retrieve, look up a source. The face of the library."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from ragkit.allowance import Allowance
from ragkit.answering import Answering
from ragkit.assembly import Assembly
from ragkit.chat import Message
from ragkit.config.defaults import default_config
from ragkit.config.load import load_config
from ragkit.config.rewired import rewired
from ragkit.config.spec import Config
from ragkit.errors import QueryError
from ragkit.events import Event
from ragkit.fields import shown
from ragkit.filling import Filling
from ragkit.graph.check import check
from ragkit.graph.kept_traces import KeptTraces
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec
from ragkit.graph.stage import Stage
from ragkit.graph.sync import iterate_sync, run_sync
from ragkit.graph.threads import in_thread
from ragkit.protocols import Resources
from ragkit.store.arguments import check_depth, checked_question
from ragkit.subgraph import RetrievalGraphs, prompt_graph, with_own_stages
from ragkit.subgraph import Retriever as Retriever
from ragkit.types import Answer, QueryPlan, Ranking, Turn

TRACES_KEPT = 256


def open(  # noqa: A001  (ragkit.open is the public word for it)
    path: str | Path = "index",
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    graph: Stage[QueryPlan, Answer] | GraphSpec | None = None,
    create: bool = True,
) -> RAG:
    """The embedded default over an index folder: no key, no server, no download.

    The index is opened when first used. It is then that a missing or unreadable index, or one made with
    another model or analyzer, is refused, with `StoreError` or `ConfigError`.

    Args:
        path: the folder of the index.
        set: overrides of the default configuration by dotted key, `{"query.fuse.k": 20}`.
        graph: stages of your own wiring (`a >> b`, `fan_out(a, b)`) in place of the default graph.
        create: whether a folder that does not exist may be made.

    Raises:
        ConfigError: an override is wrong.
        GraphError: the stages do not fit together; all problems at once.
    """
    # Absolute now: by the time that the index is opened, the process may work in another folder.
    config = default_config(Path(path).absolute(), set=set)
    return RAG(config if graph is None else rewired(config, graph), create=create)


def load(path: str | Path, *, set: Mapping[str, Any] | None = None) -> RAG:  # noqa: A002
    """The RAG that a `rag.yaml` describes.

    Args:
        path: the file.
        set: overrides by dotted key, `{"collection.store": "prod"}`.

    Raises:
        ConfigError: every mistake of the file, each with its line.
    """
    return RAG(load_config(Path(path), set=set))


class RAG(Filling):
    """A collection of documents and the graph of stages that answers questions over it.

    Every method may be called from any thread, and from inside a running event loop.

    Example:
        with ragkit.open("index/") as rag:
            rag.ingest("docs/")
            answer = rag.ask("How long is the warranty?")
    """

    def __init__(self, config: Config, *, create: bool = True) -> None:
        self.config = config
        self._parts = Assembly(config, create=create)
        self._spec = with_own_stages(config.graph)
        checked = check(self._spec, takes=QueryPlan, gives=Answer)
        self._allowance = Allowance(config.budget)
        self._graph = Graph(checked, self._parts, ladder=self._allowance.ladder(checked))
        self._retrieval = RetrievalGraphs(self._spec, self._parts, ladder=self._allowance.ladder)
        self._traces = KeptTraces(TRACES_KEPT)
        self._answering = Answering(self._graph, self._parts, self._traces, allowance=self._allowance)

    def __enter__(self) -> RAG:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases files and connections. A later call that needs the index is refused."""
        self._parts.close()

    # --- read -------------------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> Answer:
        """`aask` for code that is not async."""
        return run_sync(self.aask(question, tenant=tenant, acl=acl, filter=filter, history=history))

    async def aask(
        self,
        question: str,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> Answer:
        """Answers a question from the collection, every sentence with its place in a document.

        Args:
            question: 1 to 32,768 characters.
            tenant: whose documents may be used.
            acl: the groups the reader belongs to.
            filter: over declared fields, `{"lang": "ru", "date": {"gte": "2025-01-01"}}`.
            history: earlier turns of the conversation.

        Returns:
            An answer, or a stated abstention (`abstained`, `reason`) where the documents give none.

        Raises:
            QueryError: the question is empty or too long, or the history is no list of turns.
            TenantError: a tenant is required and missing, or malformed.
            FilterError: the filter names an unknown field or compares unlike types.
            StageError: a stage failed and its `on_error` does not say otherwise.
        """
        await self._opened()
        return await self._answering.answer(self._plan(question, tenant, acl, filter, history))

    def stream(
        self,
        question: str,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> Generator[Event, None, None]:
        """`astream` for code that is not async. Leaving the loop early, or `close()`, stops the work."""
        events = self.astream(question, tenant=tenant, acl=acl, filter=filter, history=history)
        return iterate_sync(events)

    async def astream(
        self,
        question: str,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> AsyncGenerator[Event, None]:
        """What happens while a question is answered, event by event; see `ragkit.events`.

        Sentences come as soon as they are checked, and `Done` comes last: `ragkit.events.fold` makes of the
        events the answer that `aask` gives. To stop early, close it (`contextlib.aclosing`): that ends the
        model's call too.

        Args:
            question, tenant, acl, filter, history: as for `aask`.

        Raises:
            QueryError, TenantError, FilterError, StageError: as `aask`, after the events that came before.
                Then there is no `Done`, and what was shown is no answer.
        """
        await self._opened()
        async with aclosing(
            self._answering.stream(self._plan(question, tenant, acl, filter, history))
        ) as events:
            async for event in events:
                yield event

    def retrieve(
        self,
        question: str,
        *,
        k: int = 10,
        retriever: Retriever = "full",
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> Ranking:
        """`aretrieve` for code that is not async."""
        return run_sync(
            self.aretrieve(
                question, k=k, retriever=retriever, tenant=tenant, acl=acl, filter=filter, history=history
            )
        )

    async def aretrieve(
        self,
        question: str,
        *,
        k: int = 10,
        retriever: Retriever = "full",
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> Ranking:
        """The `k` best passages for a question, score descending, then chunk id.

        `degraded` of the ranking names each stage that failed and was done without.

        Args:
            question: 1 to 32,768 characters.
            k: 1 to 10,000; fewer come back only where fewer match.
            retriever: `dense` or `bm25` alone, `hybrid` (both fused), or `full`: all that the graph does
                before the context.
            tenant: whose documents may be used.
            acl: the groups the reader belongs to.
            filter: over declared fields.
            history: earlier turns of the conversation, for the graph's stages on follow-up questions.

        Raises:
            QueryError: the question is empty or too long, `k` is out of range, there is no such retriever, or
                the history is no list of turns.
            TenantError, FilterError, StageError: as for `aask`.
        """
        check_depth(k)
        if not isinstance(retriever, str) or retriever not in get_args(Retriever):
            known = ", ".join(get_args(Retriever))
            raise QueryError(f"retriever={shown(retriever)}: expected one of: {known}")
        await self._opened()
        with self._parts.collection.held(self._plan(question, tenant, acl, filter, history)) as plan:
            ledger = self._allowance.ledger(tenant)
            result = await self._retrieval.graph(retriever, k).run(plan, budget=ledger)
        self._traces.keep(result.trace)
        ranking: Ranking = result.value
        # A last stage without a `k` of its own gives all that it was given.
        return Ranking(ranking.plan, ranking.hits[:k], degraded=tuple(result.degraded))

    def prompt(
        self,
        question: str,
        *,
        node: str | None = None,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> tuple[Message, ...]:
        """`aprompt` for code that is not async."""
        return run_sync(
            self.aprompt(question, node=node, tenant=tenant, acl=acl, filter=filter, history=history)
        )

    async def aprompt(
        self,
        question: str,
        *,
        node: str | None = None,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        history: Sequence[Turn] = (),
    ) -> tuple[Message, ...]:
        """What a stage would ask its chat model for a question, with the passages that are found for it.

        All stages before it run, and models that these ask are asked; its own is not.

        Args:
            node: the stage, by its name in the graph; None is the last one that answers from passages.
            question, tenant, acl, filter, history: as for `aask`.

        Raises:
            GraphError: no stage of the graph, or not this one, asks a model.
        """
        graph = Graph(check(with_own_stages(prompt_graph(self._spec, node))), self._parts)
        await self._opened()
        with self._parts.collection.held(self._plan(question, tenant, acl, filter, history)) as plan:
            ledger = self._allowance.ledger(tenant)
            messages: tuple[Message, ...] = (await graph.run(plan, budget=ledger)).value
        return messages

    @property
    def resources(self) -> Resources:
        """The models and the collection: what a stage is set up with that runs beside the graph."""
        return self._parts

    def trace(self, trace_id: str) -> dict[str, Any]:
        """What each stage did in one of the last 256 runs of this object, and facts about the whole.

        Raises:
            QueryError: the trace is unknown or no longer kept.
        """
        found = self._traces.trace(trace_id)
        nodes = [asdict(node) for node in found.nodes]
        return {"id": found.id, "seconds": found.duration_s, **found.facts, "nodes": nodes}

    # --- inside -----------------------------------------------------------------------------------

    async def _opened(self) -> None:
        """Opens the index where that was not done yet; in a thread, for a model may have to be loaded."""
        if not self._parts.is_open:
            await in_thread(lambda: self._parts.collection)

    def _plan(
        self,
        question: str,
        tenant: str | None,
        acl: Sequence[str] | None,
        raw_filter: Mapping[str, Any] | None,
        history: Sequence[Turn],
    ) -> QueryPlan:
        return self._parts.collection.plan(
            checked_question(question), tenant=tenant, acl=acl, filter=raw_filter, history=history
        )
