from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import RunVar

from ragkit.arrays import HitBatch
from ragkit.errors import (
    BudgetError,
    ConfigError,
    FilterError,
    GraphError,
    QueryError,
    RagkitError,
    StageError,
    StageTimeoutError,
    TenantError,
)
from ragkit.graph.check import check
from ragkit.graph.runner import Graph
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, fan_out
from ragkit.graph.trace import Trace
from ragkit.types import ArmRanking, Context, Query, QueryPlan, Ranking, Rankings

pytestmark = pytest.mark.anyio

PLAN = QueryPlan.of("asked")
NO_HITS = HitBatch.empty()
ASIDE = contextvars.ContextVar("ASIDE", default="unset")


class Inline(Stage[str, str]):
    """Adds a mark, after having done something."""

    inline = True

    def __init__(self, mark: str = ".", do: Callable[[RunContext], object] = lambda ctx: None) -> None:
        super().__init__()
        self.mark, self.do = mark, do

    def run(self, value: str, ctx: RunContext) -> str:
        self.do(ctx)
        return value + self.mark


class Plain(Inline):
    inline = False


class Async(Stage[str, str]):
    def __init__(
        self, mark: str = ".", do: Callable[[RunContext], Awaitable[object]] = lambda ctx: anyio.sleep(0)
    ) -> None:
        super().__init__()
        self.mark, self.do = mark, do

    async def run(self, value: str, ctx: RunContext) -> str:
        await self.do(ctx)
        return value + self.mark


class Retrieve(Stage[QueryPlan, Rankings]):
    def __init__(self, name: str, do: Callable[[], Awaitable[object]] = lambda: anyio.sleep(0)) -> None:
        super().__init__()
        self.name, self.do = name, do

    async def run(self, value: QueryPlan, ctx: RunContext) -> Rankings:
        await self.do()
        return Rankings(
            value, tuple(ArmRanking(query, retriever=self.name, hits=NO_HITS) for query in value.queries)
        )


class RetrieveInline(Stage[QueryPlan, Rankings]):
    inline = True

    def __init__(self, name: str, do: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.name, self.do = name, do

    def run(self, value: QueryPlan, ctx: RunContext) -> Rankings:
        self.do()
        return Rankings(value, (ArmRanking(value.queries[0], retriever=self.name, hits=NO_HITS),))


class RetrievePlain(RetrieveInline):
    inline = False


class Names(Stage[Rankings, str]):
    inline = True

    def run(self, value: Rankings, ctx: RunContext) -> str:
        return " ".join(f"{arm.retriever}:{arm.query.id}" for arm in value.arms)


class Add(Stage[QueryPlan, QueryPlan]):
    inline = True

    def __init__(self, id_: str) -> None:
        super().__init__()
        self.id = id_

    def run(self, value: QueryPlan, ctx: RunContext) -> QueryPlan:
        return QueryPlan(
            value.question, queries=(*value.queries, Query(self.id, self.id)), tenant=value.tenant
        )


class Failing:
    """Raises the errors in turn, then does nothing."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)

    async def later(self, *_: object) -> None:
        self()


def always(error: Exception) -> Failing:
    return Failing(*[error] * 50)


def node(name: str, made: Stage[Any, Any], *inputs: str, **conduct: Any) -> NodeSpec:
    return NodeSpec(name, made, inputs=inputs or (SOURCE,), **conduct)


def graph(*nodes: NodeSpec, output: str | None = None) -> Graph:
    return Graph(check(GraphSpec(nodes, output or nodes[-1].name)), None)


def flow(made: Stage[Any, Any]) -> Graph:
    return Graph(check(GraphSpec.of(made)), None)


@pytest.fixture
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.graph.step.BACKOFF_S", 0.001)


# --- values and trace -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Inline, Plain, Async])
async def test_a_chain_hands_each_output_on(kind: Callable[[str], Stage[str, str]]) -> None:
    result = await flow(kind("a") >> kind("b") >> kind("c")).run("-")
    assert (result.value, result.degraded) == ("-abc", ())
    assert [n.node for n in result.trace.nodes] == [kind.__name__.lower() + i for i in ("", "2", "3")]


async def test_kinds_of_stages_mix() -> None:
    made = Plain("a") >> Inline("b") >> Plain("c") >> Async("d") >> Inline("e") >> Plain("f")
    assert (await flow(made).run("-")).value == "-abcdef"


async def test_the_trace_says_when_how_long_and_how_much() -> None:
    def work(ctx: RunContext) -> None:
        time.sleep(0.01)
        ctx.note(model="small")

    before = time.perf_counter()
    trace = (
        await flow(Add("b") >> fan_out(Retrieve("x"), Retrieve("y")) >> Names() >> Plain("", work)).run(PLAN)
    ).trace
    by_name = {n.node: n for n in trace.nodes}
    assert [(n.n_in, n.n_out) for n in trace.nodes] == [(1, 2), (2, 2), (2, 2), (4, None), (None, None)]
    assert {n.status for n in trace.nodes} == {"ok"}
    assert before <= by_name["add"].start_s <= by_name["plain"].start_s
    assert 0.01 <= by_name["plain"].duration_s <= trace.duration_s
    assert by_name["plain"].facts == {"model": "small"}
    assert len(trace.id) == 32


async def test_every_run_has_a_trace_of_its_own() -> None:
    made = flow(Inline("a"))
    first, second = (await made.run("1")).trace, (await made.run("2")).trace
    assert first.id != second.id
    assert [len(first.nodes), len(second.nodes)] == [1, 1]


async def test_rankings_join_in_input_order_whoever_is_first() -> None:
    made = graph(
        node("slow", Retrieve("slow", lambda: anyio.sleep(0.02))),
        node("quick", Retrieve("quick")),
        node("names", Names(), "slow", "quick"),
    )
    assert (await made.run(PLAN)).value == "slow:q quick:q"


async def test_plans_join_by_query_id() -> None:
    made = graph(
        node("a", Add("a")),
        node("b", Add("b")),
        node("find", RetrievePlain("x"), "a", "b"),
        node("each", Retrieve("y"), "b", "a"),
        node("names", Names(), "find", "each"),
    )
    assert (await made.run(PLAN)).value == "x:q y:q y:b y:a"


async def test_plans_of_two_tenants_do_not_join() -> None:
    class Intrude(Add):
        def run(self, value: QueryPlan, ctx: RunContext) -> QueryPlan:
            return QueryPlan.of(value.question, tenant="other")

    made = graph(node("a", Add("a")), node("b", Intrude("b")), node("find", Retrieve("x"), "a", "b"))
    with pytest.raises(StageError, match="stage 'find': two inputs come with different tenants"):
        await made.run(PLAN)


async def test_a_ranking_becomes_a_context_where_one_is_taken() -> None:
    class Fuse(Stage[Rankings, Ranking]):
        def run(self, value: Rankings, ctx: RunContext) -> Ranking:
            return Ranking(value.plan, ())

    class Show(Stage[Context, str]):
        def run(self, value: Context, ctx: RunContext) -> str:
            return repr(value)

    result = await flow(Retrieve("a") >> Fuse() >> Show()).run(PLAN)
    assert result.value == repr(Context(PLAN, ()))


async def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(GraphError, match="this graph takes QueryPlan, not str"):
        await flow(Add("a")).run("asked")


@pytest.mark.parametrize("kind", [Inline, Plain])
async def test_a_result_of_another_type_is_an_error_of_its_stage(kind: type[Inline]) -> None:
    class Forgetful(kind):  # type: ignore[misc, valid-type]
        def run(self, value: str, ctx: RunContext) -> str:
            return None  # type: ignore[return-value]

    with pytest.raises(StageError, match=r"'forgetful'.*run returned NoneType; its annotation promises str"):
        await flow(Inline() >> Forgetful()).run("")


async def test_a_plain_run_that_returns_a_coroutine_is_explained() -> None:
    class Mixed(Plain):
        def run(self, value: str, ctx: RunContext) -> str:
            return anyio.sleep(0)  # type: ignore[return-value]

    with pytest.raises(StageError, match="run returned a coroutine; declare it as `async def run`"):
        await flow(Mixed()).run("")


# --- threads and tasks ----------------------------------------------------------------------------


async def test_adjacent_plain_stages_share_one_hop_and_inline_ones_stay_in_the_loop() -> None:
    seen: dict[str, int] = {}

    def see(name: str) -> Callable[[RunContext], object]:
        return lambda ctx: seen.setdefault(name, threading.get_ident())

    loop = threading.get_ident()
    order = [
        Inline("", see("1")),
        Plain("", see("2")),
        Inline("", see("3")),
        Plain("", see("4")),
        Inline("", see("5")),
    ]
    made: Stage[str, str] = order[0]
    for following in order[1:]:
        made = made >> following
    await flow(made).run("")
    assert seen["1"] == seen["5"] == loop
    assert seen["2"] == seen["3"] == seen["4"] != loop


async def test_what_takes_a_moment_rides_along_though_it_reads_two_nodes() -> None:
    seen: dict[str, int] = {}

    def see(name: str) -> Callable[..., object]:
        return lambda *_: seen.setdefault(name, threading.get_ident())

    arms = fan_out(
        RetrieveInline("first", see("first")),
        RetrievePlain("slow", see("slow")),
        RetrieveInline("fast", see("fast")),
    )
    made = await flow(arms >> Names() >> Plain(".", see("mark")) >> Inline("!", see("last"))).run(PLAN)
    assert made.value == "first:q slow:q fast:q.!"
    assert seen["first"] == seen["last"] == threading.get_ident()
    assert seen["slow"] == seen["fast"] == seen["mark"] != threading.get_ident()


async def test_a_plain_stage_does_not_hold_up_the_loop() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.005)
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await flow(Plain("", lambda ctx: time.sleep(0.1))).run("")
        tasks.cancel_scope.cancel()
    assert ticks >= 3


async def test_async_branches_run_together() -> None:
    met = [anyio.Event(), anyio.Event()]

    async def meet(mine: int) -> None:
        met[mine].set()
        await met[1 - mine].wait()

    branches = fan_out(Retrieve("a", lambda: meet(0)), Retrieve("b", lambda: meet(1)))
    with anyio.fail_after(5):
        assert (await flow(branches >> Names()).run(PLAN)).value == "a:q b:q"


async def test_plain_branches_run_together() -> None:
    barrier = threading.Barrier(2, timeout=5)
    branches = fan_out(RetrievePlain("a", barrier.wait), RetrievePlain("b", barrier.wait))
    assert (await flow(branches >> Names()).run(PLAN)).value == "a:q b:q"


async def test_a_fork_behind_a_quick_node_runs_together_with_what_waits_already() -> None:
    barrier = threading.Barrier(2, timeout=5)
    made = graph(
        node("plan", Add("b")),
        node("a", RetrievePlain("a", barrier.wait)),
        node("b", RetrievePlain("b", barrier.wait), "plan"),
        node("names", Names(), "a", "b"),
    )
    assert (await made.run(PLAN)).value == "a:q b:q"


@pytest.mark.parametrize(
    "made",
    [
        Async() >> Inline() >> Async(),
        fan_out(RetrieveInline("a"), RetrieveInline("b")) >> Names() >> Async(),
        fan_out(RetrieveInline("a"), Retrieve("b")) >> Names() >> Async(),
    ],
)
async def test_what_needs_no_tasks_makes_none(made: Stage[Any, Any]) -> None:
    tasks: set[int] = set()

    async def see(ctx: RunContext) -> None:
        tasks.add(len(asyncio.all_tasks()))
        tasks.add(id(asyncio.current_task()))

    here = {len(asyncio.all_tasks()), id(asyncio.current_task())}
    value = "" if made.ports.takes is str else PLAN
    await flow(made >> Async("", see)).run(value)
    assert tasks == here


async def test_context_variables_reach_worker_threads() -> None:
    seen: list[str] = []
    ASIDE.set("set")
    await flow(Plain("", lambda ctx: seen.append(ASIDE.get()))).run("")
    assert seen == ["set"]


# --- limits and attempts --------------------------------------------------------------------------


async def test_an_async_stage_is_stopped_at_its_timeout() -> None:
    ended = anyio.Event()

    async def sleep(ctx: RunContext) -> None:
        try:
            await anyio.sleep(10)
        finally:
            ended.set()

    with pytest.raises(StageTimeoutError, match=r"'slow': no result within its timeout_s of 0\.02") as caught:
        await graph(node("slow", Async("", sleep), timeout_s=0.02)).run("")
    assert caught.value.stage == "slow"
    assert ended.is_set()


@pytest.mark.parametrize("kind", [Plain, Inline])
async def test_a_plain_stage_is_left_behind_at_its_timeout(kind: type[Inline]) -> None:
    release = threading.Event()
    made = graph(node("slow", kind("", lambda ctx: release.wait(5)), timeout_s=0.02))
    started = time.perf_counter()
    with pytest.raises(StageTimeoutError):
        await made.run("")
    assert time.perf_counter() - started < 2
    release.set()


async def test_a_stage_left_behind_writes_into_nothing_that_was_handed_out() -> None:
    release, ended = threading.Event(), threading.Event()

    def work(ctx: RunContext) -> None:
        release.wait(5)
        ctx.note(late=True)
        ctx.degrade("late")
        ended.set()

    result = await graph(node("slow", Plain("", work), timeout_s=0.02, on_error="skip")).run("-")
    release.set()
    assert await anyio.to_thread.run_sync(ended.wait, 5)
    assert result.trace.nodes[0].facts == {}
    assert (result.value, result.degraded) == ("-", ("slow",))


async def test_a_timeout_is_for_all_attempts_together() -> None:
    failing = always(OSError("down"))
    with pytest.raises(StageTimeoutError):
        await graph(node("a", Async("", failing.later), timeout_s=0.15, retries=40)).run("")
    assert 1 <= failing.calls <= 3


@pytest.mark.usefixtures("_quick_retries")
@pytest.mark.parametrize("kind", [Inline, Plain])
async def test_a_failure_that_passes_is_tried_again(kind: type[Inline]) -> None:
    failing = Failing(OSError("one"), OSError("two"))
    result = await graph(node("a", kind("!", failing), retries=2)).run("")
    assert result.value == "!"
    (trace,) = result.trace.nodes
    assert (trace.attempts, trace.status, trace.error) == (3, "ok", "OSError: two")


@pytest.mark.usefixtures("_quick_retries")
async def test_attempts_come_to_an_end() -> None:
    failing = always(OSError("down"))
    with pytest.raises(StageError, match="stage 'a': OSError: down") as caught:
        await graph(node("a", Inline("", failing), retries=2)).run("")
    assert failing.calls == 3
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("kind", [TenantError, FilterError, QueryError, ConfigError, GraphError, BudgetError])
async def test_what_cannot_pass_is_not_tried_again(kind: type[RagkitError]) -> None:
    failing = always(kind("no"))
    with pytest.raises(RagkitError):
        await graph(node("a", Inline("", failing), retries=5)).run("")
    assert failing.calls == 1


async def test_a_deadline_stops_the_run_and_names_the_node() -> None:
    made = graph(node("quick", Inline()), node("slow", Async("", lambda ctx: anyio.sleep(10)), "quick"))
    with pytest.raises(BudgetError, match=r"deadline passed while 'slow' ran \(done: quick 0\.000 s\)"):
        await made.run("", deadline=time.monotonic() + 0.03)


async def test_a_deadline_names_all_nodes_that_ran() -> None:
    branches = fan_out(Retrieve("a", lambda: anyio.sleep(10)), RetrievePlain("b", lambda: time.sleep(0.2)))
    with pytest.raises(BudgetError, match=r"while 'retrieve(plain)?' and 'retrieve(plain)?' ran"):
        await flow(branches >> Names()).run(PLAN, deadline=time.monotonic() + 0.05)


async def test_a_deadline_is_kept_between_nodes_that_never_wait() -> None:
    # Time enough to begin on a busy machine, and too little to end.
    made = graph(node("busy", Inline("", lambda ctx: time.sleep(0.7))), node("next", Inline(), "busy"))
    with pytest.raises(BudgetError, match="before 'next' started"):
        await made.run("", deadline=time.monotonic() + 0.5)


async def test_a_deadline_that_is_met_changes_nothing() -> None:
    deadline = time.monotonic() + 60
    seen: list[float | None] = []
    made = flow(Inline("a", lambda ctx: seen.append(ctx.deadline)) >> Async("b") >> Plain("c"))
    assert (await made.run("", deadline=deadline)).value == "abc"
    assert seen == [deadline]


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Inline, Plain])
async def test_a_failure_is_wrapped_with_its_stage_and_cause(kind: type[Inline]) -> None:
    error = ValueError("bad")
    with pytest.raises(StageError, match="stage 'b': ValueError: bad") as caught:
        await graph(node("a", kind()), node("b", kind("", always(error)), "a")).run("")
    assert caught.value.stage == "b"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", [TenantError, FilterError, QueryError])
@pytest.mark.parametrize("on_error", ["fail", "skip", "other"])
async def test_the_askers_own_errors_come_as_they_are_whatever_the_policy(
    kind: type[RagkitError], on_error: str
) -> None:
    error = kind("yours")
    aside = [node("other", Inline())] if on_error == "other" else []
    with pytest.raises(kind) as caught:
        await graph(node("a", Inline("", always(error)), on_error=on_error), *aside, output="a").run("")
    assert caught.value is error


async def test_a_failed_run_leaves_its_trace_with_the_caller() -> None:
    trace = Trace("mine")
    made = (
        fan_out(Retrieve("a", lambda: anyio.sleep(10)), Retrieve("b", always(OSError("down")).later))
        >> Names()
    )
    with pytest.raises(StageError):
        await flow(Inline2Plan() >> made).run("asked", trace=trace)
    assert trace.id == "mine"
    told = {n.node: (n.status, n.error) for n in trace.nodes}
    assert told == {
        "inline2plan": ("ok", None),
        "retrieve2": ("failed", "OSError: down"),
        "retrieve": ("failed", "stopped before its end"),
    }


class Inline2Plan(Stage[str, QueryPlan]):
    inline = True

    def run(self, value: str, ctx: RunContext) -> QueryPlan:
        return QueryPlan.of(value)


async def test_a_failure_stops_the_other_branches() -> None:
    ended = anyio.Event()

    async def wait() -> None:
        try:
            await anyio.sleep(10)
        finally:
            ended.set()

    made = flow(fan_out(Retrieve("a", wait), Retrieve("b", always(OSError("down")).later)) >> Names())
    tasks = len(asyncio.all_tasks())
    with pytest.raises(StageError, match="down"):
        await made.run(PLAN)
    assert ended.is_set()
    assert len(asyncio.all_tasks()) == tasks


async def test_cancellation_leaves_no_running_task() -> None:
    made = flow(fan_out(*(Retrieve(str(i), lambda: anyio.sleep(10)) for i in range(3))) >> Names())
    tasks = len(asyncio.all_tasks())
    trace = Trace("t")
    with anyio.move_on_after(0.02) as scope:
        await made.run(PLAN, trace=trace)
    assert scope.cancelled_caught
    assert len(asyncio.all_tasks()) == tasks
    assert [n.error for n in trace.nodes] == ["stopped before its end"] * 3


async def test_a_skipped_failure_hands_its_input_on_and_is_reported() -> None:
    result = await graph(
        node("a", Inline("a")), node("b", Inline("b", always(OSError("down"))), "a", on_error="skip")
    ).run("-")
    assert (result.value, result.degraded) == ("-a", ("b",))
    assert [(n.status, n.error) for n in result.trace.nodes] == [("ok", None), ("degraded", "OSError: down")]


@pytest.mark.parametrize("kind", [Retrieve, RetrieveInline, RetrievePlain])
async def test_a_retriever_that_failed_is_done_without(kind: Any) -> None:
    failing = always(OSError("down"))
    made = graph(
        node("a", kind("a", failing.later if kind is Retrieve else failing), on_error="skip"),
        node("b", kind("b")),
        node("names", Names(), "a", "b"),
    )
    result = await made.run(PLAN)
    assert (result.value, result.degraded) == ("b:q", ("a",))


async def test_when_every_retriever_failed_it_is_an_error_with_all_causes() -> None:
    errors = [OSError("down"), ValueError("bad")]
    made = graph(
        node("a", Retrieve("a", always(errors[0]).later), on_error="skip"),
        node("b", RetrieveInline("b", always(errors[1])), on_error="skip"),
        node("names", Names(), "a", "b"),
        node("end", Inline(), "names", on_error="skip"),
    )
    with pytest.raises(
        StageError, match=r"'names': .*'a' failed: OSError: down; 'b' failed: ValueError: bad"
    ) as caught:
        await made.run(PLAN)
    assert caught.value.stage == "names"
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert list(caught.value.__cause__.exceptions) == errors


async def test_the_only_retriever_failing_is_an_error_with_its_cause() -> None:
    error = OSError("down")
    made = graph(node("a", Retrieve("a", always(error).later), on_error="skip"), node("names", Names(), "a"))
    with pytest.raises(StageError, match="nothing is left to work on") as caught:
        await made.run(PLAN)
    assert caught.value.__cause__ is error


async def test_one_retriever_failing_and_the_other_switched_off_is_an_error() -> None:
    made = graph(
        node("a", Retrieve("a", always(OSError("down")).later), on_error="skip"),
        node("b", Retrieve("b"), when="history"),
        node("names", Names(), "a", "b"),
    )
    with pytest.raises(StageError, match="'a' failed: OSError: down"):
        await made.run(PLAN)


async def test_a_branch_that_lost_its_retriever_is_done_without() -> None:
    class Widen(Stage[Rankings, Rankings]):
        def run(self, value: Rankings, ctx: RunContext) -> Rankings:
            return value

    made = graph(
        node("a", Retrieve("a", always(OSError("down")).later), on_error="skip"),
        node("wide", Widen(), "a"),
        node("b", Retrieve("b")),
        node("names", Names(), "wide", "b"),
    )
    result = await made.run(PLAN)
    assert (result.value, result.degraded) == ("b:q", ("a",))
    told = {n.node: (n.status, n.error) for n in result.trace.nodes}
    assert told["wide"] == ("skipped", "nothing to work on, because 'a' failed")


async def test_a_stand_in_runs_on_the_same_input() -> None:
    made = graph(
        node("a", Inline("a")),
        node("b", Inline("b", always(OSError("down"))), "a", on_error="c"),
        node("c", Async("c")),
        node("d", Inline("d"), "b"),
    )
    result = await made.run("-")
    assert (result.value, result.degraded) == ("-acd", ("b",))
    assert [(n.node, n.status) for n in result.trace.nodes] == [
        ("a", "ok"), ("b", "degraded"), ("c", "ok"), ("d", "ok"),
    ]  # fmt: skip


async def test_a_stand_in_that_fails_too_keeps_both_errors() -> None:
    made = graph(
        node("a", Plain("", always(OSError("first"))), on_error="b"),
        node("b", Plain("", always(ValueError("second")))),
        output="a",
    )
    with pytest.raises(StageError, match="stage 'b': ValueError: second") as caught:
        await made.run("")
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__notes__ == ["it stood in for 'a', which had failed with OSError: first"]


async def test_a_loss_that_a_stage_reports_itself_is_in_the_result() -> None:
    result = await flow(Inline("a", lambda ctx: ctx.degrade("half of the index"))).run("")
    assert result.degraded == ("half of the index",)
    assert result.trace.nodes[0].status == "degraded"


# --- conditions -----------------------------------------------------------------------------------


async def test_a_node_whose_condition_is_false_hands_its_input_on() -> None:
    made = flow_when("len(queries) > 1")
    result = await made.run(PLAN)
    assert [q.id for q in result.value.queries] == ["q"]
    assert [(n.status, n.n_in, n.n_out) for n in result.trace.nodes] == [("skipped", 1, 1)]
    assert result.degraded == ()


async def test_a_node_whose_condition_holds_runs() -> None:
    assert [q.id for q in (await flow_when("not history").run(PLAN)).value.queries] == ["q", "a"]


def flow_when(when: str) -> Graph:
    return graph(node("a", Add("a"), when=when))


async def test_a_condition_is_asked_of_the_plan_as_it_is_by_then() -> None:
    made = graph(
        node("plan", Add("b")),
        node("a", Retrieve("a"), "plan", when="len(queries) > 1"),
        node("b", RetrievePlain("b"), "plan", when="len(queries) <= 1"),
        node("names", Names(), "a", "b"),
    )
    assert (await made.run(PLAN)).value == "a:q a:b"


@pytest.mark.parametrize(
    ("question", "answer"), [("how?", "how?E"), ("как вернуть товар?", "как вернуть товар?R")]
)
async def test_of_two_alternatives_the_one_that_ran_goes_on(question: str, answer: str) -> None:
    class Answer(Stage[QueryPlan, str]):
        def __init__(self, mark: str) -> None:
            super().__init__()
            self.mark = mark

        def run(self, value: QueryPlan, ctx: RunContext) -> str:
            return value.question + self.mark

    made = graph(
        node("ru", Answer("R"), when="lang(question) == 'ru'"),
        node("en", Answer("E"), when="lang(question) != 'ru'"),
        node("end", Inline(""), "ru", "en"),
    )
    assert (await made.run(QueryPlan.of(question))).value == answer


# --- setting up -----------------------------------------------------------------------------------


class Heavy(Inline):
    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.failing = Failing(*errors)
        self.given: object = None

    def setup(self, resources: object) -> None:
        self.given = resources
        self.failing()


async def test_stages_are_set_up_once_with_the_resources() -> None:
    heavy = Heavy()
    resources: Any = object()
    made = Graph(check(GraphSpec.of(heavy >> heavy)), resources)
    made.setup()
    await made.run("")
    await made.run("")
    assert (heavy.failing.calls, heavy.given) == (1, resources)


async def test_concurrent_first_runs_set_up_once() -> None:
    heavy = Heavy()
    made = flow(heavy)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(made.run, "")
    assert heavy.failing.calls == 1


async def test_a_stage_that_cannot_be_set_up_is_named_and_may_be_set_up_later() -> None:
    first, second = Heavy(), Heavy(ConfigError("no model"))
    made = flow(first >> second)
    with pytest.raises(ConfigError, match="no model") as caught:
        await made.run("")
    assert caught.value.__notes__ == ["while setting up the node 'heavy2' (Heavy)"]
    assert (await made.run("")).value == ".."
    assert (first.failing.calls, second.failing.calls) == (1, 2)


async def test_a_stage_may_say_in_setup_that_it_is_inline() -> None:
    class Fast(Plain):
        def setup(self, resources: object) -> None:
            self.inline = True

    seen: list[int] = []
    await flow(Fast("", lambda ctx: seen.append(threading.get_ident()))).run("")
    assert seen == [threading.get_ident()]


async def test_a_cancelled_hop_does_not_go_on_to_its_next_stage() -> None:
    began, release, over, ran = threading.Event(), threading.Event(), threading.Event(), []

    def wait(ctx: RunContext) -> None:
        began.set()
        release.wait(5)

    class Last(Plain):
        def run(self, value: str, ctx: RunContext) -> str:
            ran.append(value)
            return value

    trace = Trace("t")
    made = flow(Plain("", wait) >> Last())
    made.setup()
    async with anyio.create_task_group() as running:
        running.start_soon(lambda: made.run("", trace=trace))
        assert await anyio.to_thread.run_sync(began.wait, 5)
        running.cancel_scope.cancel()
    release.set()
    threading.Timer(0.05, over.set).start()
    await anyio.to_thread.run_sync(over.wait, 5)
    assert ran == []
    assert [(n.node, n.error) for n in trace.nodes] == [("plain", "stopped before its end")]


async def test_a_limit_that_a_stage_came_to_is_raised_as_it_is_or_skipped() -> None:
    error = BudgetError("6000 tokens are spent")
    with pytest.raises(BudgetError) as caught:
        await graph(node("a", Inline("", always(error)))).run("")
    assert caught.value is error
    result = await graph(node("a", Inline("", always(error)), on_error="skip")).run("-")
    assert (result.value, result.degraded) == ("-", ("a",))


async def test_a_deadline_that_passes_in_the_queue_for_a_thread_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = flow(Plain("", lambda ctx: time.sleep(0.2)))
    made.setup()
    limiter = anyio.CapacityLimiter(1)
    monkeypatch.setattr("ragkit.graph.threads._limiter", RunVar("one_thread", default=limiter))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.run, "")
        await anyio.sleep(0.02)
        with pytest.raises(BudgetError, match="while waiting for a worker thread"):
            await made.run("", deadline=time.monotonic() + 0.02)
