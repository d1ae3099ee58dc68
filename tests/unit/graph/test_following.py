"""What may be seen of an answer before its end: what every stage after the writer lets through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import anyio
import pytest

from ragkit.errors import StageError
from ragkit.events import Begun, Part, Token, Told
from ragkit.graph.check import check
from ragkit.graph.following import Follower
from ragkit.graph.runner import Graph
from ragkit.graph.spec import GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage
from ragkit.graph.writing import writing
from ragkit.types import Answer, QueryPlan

PLAN = QueryPlan.of("?")


class Writes(Stage[QueryPlan, Answer]):
    """Writes three sentences, and may fail after the second."""

    def __init__(self, *, fails: bool = False, pause_s: float = 0.0, name: str = "A") -> None:
        super().__init__()
        self.fails, self.pause_s, self.name = fails, pause_s, name

    async def run(self, plan: QueryPlan, ctx: RunContext) -> Answer:
        draft = Answer(plan, text="")
        async with writing(ctx, draft) as told:
            for n in range(3):
                if told is not None:
                    told.write(f"{self.name}{n}. ")
                await anyio.sleep(self.pause_s)
                if self.fails and n == 1:
                    raise OSError("down")
        return draft.with_(text=f"{self.name}0. {self.name}1. {self.name}2. ")


class Lets(Stage[Answer, Answer]):
    """Lets everything through, in small letters, or withholds."""

    shows_tokens = True

    def __init__(self, *, withholds: bool = False, follow: Callable[[Answer], Answer] | None = None) -> None:
        super().__init__()
        self.withholds, self.follow = withholds, follow
        self.seen: Follower | None = None

    def following(self, draft: Answer) -> Follower | None:
        if self.withholds:
            return None
        return self.follow or (lambda part: part.with_(text=part.text.lower()))

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        self.seen = ctx.follower
        return answer.with_(text=answer.text.lower())


class Masks(Lets):
    """Lets through what it has changed, and no tokens."""

    shows_tokens = False


class Guard(Stage[Answer, Answer]):
    """Knows nothing of streaming."""

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        return answer.with_(text=answer.text.replace("A1", "**"))


def told_of(spec: GraphSpec) -> tuple[list[Told], Answer]:
    told: list[Told] = []
    graph = Graph(check(spec), None)
    answer = anyio.run(lambda: graph.run(PLAN, emit=told.append)).value
    assert isinstance(answer, Answer)
    return told, answer


def texts(told: list[Told]) -> list[str]:
    return [t.text for t in told if isinstance(t, Token)]


def test_tokens_and_parts_are_told_in_order() -> None:
    told, answer = told_of(GraphSpec.of(Writes(pause_s=0.02) >> Lets()))
    assert isinstance(told[0], Begun)
    assert texts(told) == ["A0. ", "A1. ", "A2. "]
    parts = [part.answer.text for part in told if isinstance(part, Part)]
    assert parts == ["a0. ", "a0. a1. ", "a0. a1. a2. "]
    assert answer.text == "a0. a1. a2. "


def test_a_stage_is_given_the_follower_it_made() -> None:
    lets = Lets()
    told_of(GraphSpec.of(Writes() >> lets))
    assert lets.seen is not None


@pytest.mark.parametrize("later", [Guard(), Lets(withholds=True)])
def test_nothing_is_seen_before_a_stage_that_may_change_it(later: Stage[Answer, Answer]) -> None:
    told, answer = told_of(GraphSpec.of(Writes() >> Lets() >> later))
    assert told == []
    assert answer.text


def test_tokens_are_not_seen_before_a_stage_that_changes_the_text() -> None:
    told, _ = told_of(GraphSpec.of(Writes(pause_s=0.02) >> Lets() >> Masks()))
    assert texts(told) == []
    assert next(p.answer.text for p in told if isinstance(p, Part)) == "a0. "


def stand_in(guarded: bool) -> GraphSpec:
    second: Stage[Answer, Answer] = Guard() if guarded else Lets()
    return GraphSpec(
        (
            NodeSpec("write", Writes(fails=True), on_error="spare"),
            NodeSpec("spare", Writes(name="B")),
            NodeSpec("lets", second, inputs=("write",)),
        ),
        "lets",
    )


def test_what_stands_in_goes_the_way_of_the_node_that_failed() -> None:
    told, answer = told_of(stand_in(guarded=False))
    assert texts(told) == ["A0. ", "A1. ", "B0. ", "B1. ", "B2. "]
    assert sum(isinstance(t, Begun) for t in told) == 2
    assert answer.text == "b0. b1. b2. "
    assert told_of(stand_in(guarded=True))[0] == []


def test_a_second_attempt_begins_anew() -> None:
    nodes = (NodeSpec("write", Writes(fails=True), retries=1), NodeSpec("lets", Lets(), inputs=("write",)))
    told: list[Told] = []
    graph = Graph(check(GraphSpec(nodes, "lets")), None)
    with pytest.raises(StageError, match="down"):
        anyio.run(lambda: graph.run(PLAN, emit=told.append))
    assert sum(isinstance(t, Begun) for t in told) == 2


def test_a_check_that_fails_ends_the_checking_and_not_the_writing() -> None:
    def broken(part: Answer) -> Answer:
        raise ValueError("no")

    told, answer = told_of(GraphSpec.of(Writes(pause_s=0.01) >> Lets(follow=broken)))
    assert texts(told) == ["A0. ", "A1. ", "A2. "]
    assert not any(isinstance(t, Part) for t in told)
    assert answer.text


def test_slow_checks_do_not_hold_up_the_tokens() -> None:
    def slow(part: Answer) -> Answer:
        time.sleep(0.2)
        return part

    times: list[float] = []
    graph = Graph(check(GraphSpec.of(Writes(pause_s=0.01) >> Lets(follow=slow))), None)
    start_s = time.perf_counter()

    def hear(told: Told) -> None:
        if isinstance(told, Token):
            times.append(time.perf_counter() - start_s)

    anyio.run(lambda: graph.run(PLAN, emit=hear))
    assert times[-1] < 0.19


def test_a_stage_whose_time_is_over_is_not_listened_to() -> None:
    nodes = (
        NodeSpec("write", Writes(pause_s=0.2), timeout_s=0.25, on_error="spare"),
        NodeSpec("spare", Writes(name="B")),
        NodeSpec("lets", Lets(), inputs=("write",)),
    )
    told, answer = told_of(GraphSpec(nodes, "lets"))
    assert answer.text == "b0. b1. b2. "
    assert texts(told)[-3:] == ["B0. ", "B1. ", "B2. "]


def test_without_a_listener_nothing_is_followed() -> None:
    lets = Lets()
    graph = Graph(check(GraphSpec.of(Writes() >> lets)), None)
    anyio.run(graph.run, PLAN)
    assert lets.seen is None


def test_a_cancelled_run_leaves_no_task() -> None:
    async def run() -> None:
        graph = Graph(check(GraphSpec.of(Writes(pause_s=5) >> Lets())), None)
        before = asyncio.all_tasks()
        with anyio.move_on_after(0.05):
            await graph.run(PLAN, emit=lambda told: None)
        assert asyncio.all_tasks() == before

    anyio.run(run)
