from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import pytest

import ragkit.graph.stage as stage_module
from ragkit.errors import ConfigError, GraphError
from ragkit.graph.stage import Flow, Ports, RunContext, Stage, fan_out, ports_of, stage
from ragkit.graph.trace import NodeTrace
from ragkit.settings import Settings

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction as UnseenContext


class Shorten(Stage[str, str]):
    use = "demo/shorten"

    class Config(Settings):
        length: int = 3
        ending: str

    config: Config

    def run(self, value: str, ctx: RunContext) -> str:
        return value[: self.config.length] + self.config.ending


class Count(Stage[str, int]):
    async def run(self, value: str, ctx: RunContext) -> int:
        return len(value)


class Halve(Stage[int, float]):
    def run(self, value: int, ctx: RunContext) -> float:
        return value / 2


@stage("demo/repeat")
def repeat(value: str, *, times: int = 2, ctx: RunContext) -> str:
    """Repeats a text."""
    ctx.note(times=times)
    return value * times


@stage("demo/later")
async def later(value: str, *, suffix: str = "!") -> str:
    return value + suffix


class Record(TypedDict):
    id: str


class Sized(Protocol):
    size: int


def context() -> RunContext:
    return RunContext(NodeTrace("node", "use"))


def test_ports_are_the_annotations_of_run() -> None:
    assert ports_of(Count) == Ports(takes=str, gives=int)


def test_ports_are_read_once_for_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Once(Count):
        pass

    first = ports_of(Once)
    monkeypatch.setattr(stage_module, "get_type_hints", None)
    assert ports_of(Once) is first


def test_a_subclass_with_its_own_run_has_its_own_ports() -> None:
    class Loose(Stage[Any, Any]):
        def run(self, value: object, ctx: RunContext) -> object:
            return value

    class Strict(Loose):
        def run(self, value: str, ctx: RunContext) -> str:  # type: ignore[override]
            return value

    assert (ports_of(Loose).takes, ports_of(Strict).takes) == (object, str)


def test_an_annotation_of_ctx_may_be_for_type_checkers_only() -> None:
    class Modest(Stage[str, str]):
        def run(self, value: str, ctx: UnseenContext) -> str:  # type: ignore[override]
            return value

    assert ports_of(Modest) == Ports(str, str)


def test_a_port_imported_for_type_checkers_only_is_explained() -> None:
    class Unseen(Stage[Any, Any]):
        def run(self, value: Decimal, ctx: RunContext) -> str:
            return str(value)

    with pytest.raises(GraphError, match=r"Unseen\.run: its annotation names 'Decimal'.*TYPE_CHECKING"):
        ports_of(Unseen)


def test_a_port_of_a_locally_defined_type_is_explained() -> None:
    class Local:
        pass

    def keep(value: Local) -> Local:
        return value

    with pytest.raises(GraphError, match=r"keep: its annotation names 'Local'.*at the top of its module"):
        stage("demo/keep")(keep)


@pytest.mark.parametrize("hint", [list[str], "str | None", Any, Record, Sized])
def test_a_port_that_is_not_a_plain_class_is_refused(hint: object) -> None:
    class Odd(Stage[Any, Any]):
        def run(self, value, ctx):  # type: ignore[no-untyped-def]
            return value

    Odd.run.__annotations__.update({"value": hint, "return": str})
    with pytest.raises(GraphError, match=r"Odd\.run: value is annotated .* not a plain class"):
        ports_of(Odd)


def test_a_stage_without_run_is_refused() -> None:
    class Empty(Stage[str, str]):
        pass

    with pytest.raises(GraphError, match=r"Empty has no run\(self, value, ctx\) method"):
        ports_of(Empty)


def test_a_run_without_annotations_is_refused() -> None:
    class Bare(Stage[Any, Any]):
        def run(self, value, ctx):  # type: ignore[no-untyped-def]
            return value

    with pytest.raises(GraphError, match=r"Bare\.run: annotate the value it takes and what it returns"):
        ports_of(Bare)


def test_a_run_without_a_value_is_refused() -> None:
    class Idle(Stage[Any, Any]):
        def run(self, ctx: RunContext) -> str:  # type: ignore[override]
            return ""

    with pytest.raises(GraphError, match=r"Idle\.run takes no value"):
        ports_of(Idle)


def test_wrong_settings_are_all_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Shorten(lenght=3, length="x")
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "demo/shorten: ending: missing" in problems
    assert "demo/shorten: length: Input should be a valid integer" in problems
    assert "Settings of 'demo/shorten': length, ending. Did you mean 'length'?" in problems


def test_a_stage_without_settings_says_so() -> None:
    with pytest.raises(ConfigError, match=r"Count: k: unknown setting. 'Count' has no settings"):
        Count(k=3)


def test_a_function_becomes_a_stage_with_its_keyword_parameters_as_settings() -> None:
    made, ctx = repeat(times=3), context()
    assert made.ports == Ports(str, str)
    assert made.run("ab", ctx) == "ababab"
    assert ctx.trace.facts == {"times": 3}
    assert (made.use, made.__doc__, type(made).__name__) == ("demo/repeat", "Repeats a text.", "repeat")


def test_settings_of_a_function_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"demo/repeat: times: Input should be a valid integer"):
        repeat(times="many")


@pytest.mark.anyio
async def test_an_async_function_becomes_an_async_stage() -> None:
    result = later(suffix="?").run("ab", context())
    assert not isinstance(result, str)
    assert await result == "ab?"


def test_inline_can_be_said_of_a_function() -> None:
    def plain(value: str) -> str:
        return value

    assert stage("demo/plain", inline=True)(plain)().inline
    assert not stage("demo/plain")(plain)().inline


def test_a_function_with_two_values_is_refused() -> None:
    def join(one: str, two: str) -> str:
        return one + two

    with pytest.raises(
        GraphError, match=r"join: a stage function takes one value, then settings after a `\*`"
    ):
        stage("demo/join")(join)


def test_a_function_without_a_return_type_is_refused() -> None:
    def silent(value: str):  # type: ignore[no-untyped-def]
        return value

    with pytest.raises(GraphError, match=r"silent: annotate the value it takes and what it returns"):
        stage("demo/silent")(silent)


def test_a_flow_has_the_ports_of_its_ends() -> None:
    flow = later() >> repeat() >> Count() >> Halve()
    assert isinstance(flow, Flow)
    assert flow.ports == Ports(str, float)
    assert [len(step) for step in flow.steps] == [1, 1, 1, 1]


def test_fan_out_is_one_step_with_branches() -> None:
    assert [len(step) for step in (fan_out(later(), repeat()) >> Count()).steps] == [2, 1]


def test_fan_out_of_nothing_is_refused() -> None:
    with pytest.raises(GraphError, match="at least one branch"):
        fan_out()


def test_degrade_marks_the_node_and_names_each_loss_once() -> None:
    ctx = context()
    ctx.degrade("no reranker")
    ctx.degrade("no reranker")
    assert ctx.degraded == ["no reranker"]
    assert ctx.trace.status == "degraded"
