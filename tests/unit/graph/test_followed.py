"""What a model wrote does not leave a graph unchecked."""

from __future__ import annotations

import pytest

from ragkit.errors import GraphError
from ragkit.graph.check import check
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, stage


@stage("generate/loose")
class Loose(Stage[str, str]):
    """Writes what must be checked."""

    followed_by = "verify"

    def run(self, value: str, ctx: RunContext) -> str:
        return value


@stage("verify/strict")
def strict(text: str) -> str:
    return text


@stage("demo/plain")
def plain(text: str) -> str:
    return text


def node(name: str, made: Stage[str, str], after: str = SOURCE, **keys: str) -> NodeSpec:
    return NodeSpec(name, made, inputs=(after,), **keys)  # type: ignore[arg-type]


def is_refused(*nodes: NodeSpec) -> bool:
    output = [n for n in nodes if n.name != "spare"][-1].name
    try:
        check(GraphSpec(nodes, output))
    except GraphError as e:
        return any("put a verify/* stage after it, one that cannot be skipped" in p for p in e.problems)
    return False


WRITE = node("write", Loose())


def test_a_check_after_it_will_do_wherever_it_stands() -> None:
    assert not is_refused(WRITE, node("check", strict(), "write"))
    assert not is_refused(WRITE, node("p", plain(), "write"), node("check", strict(), "p"))
    assert not is_refused(WRITE, node("check", strict(), "write"), node("p", plain(), "check"))


def test_without_one_the_graph_is_refused() -> None:
    with pytest.raises(GraphError, match="what generate/loose writes must be checked before it is shown"):
        check(GraphSpec.of(Loose()))
    assert is_refused(WRITE, node("p", plain(), "write"))
    assert is_refused(node("check", strict()), node("write", Loose(), "check"))


@pytest.mark.parametrize("keys", [{"when": "history"}, {"on_error": "skip"}, {"on_error": "spare"}])
def test_a_check_that_can_be_passed_by_is_none(keys: dict[str, str]) -> None:
    spare = node("spare", plain())
    assert is_refused(WRITE, node("check", strict(), "write", **keys), spare)


def test_a_check_may_have_a_stand_in_that_checks() -> None:
    spare = node("spare", strict())
    assert not is_refused(WRITE, node("check", strict(), "write", on_error="spare"), spare)


def test_what_stands_in_is_checked_where_the_other_one_would_be() -> None:
    spare, safe = node("spare", Loose()), node("safe", plain(), on_error="spare")
    assert is_refused(safe, spare)
    assert not is_refused(safe, node("check", strict(), "safe"), spare)
