from __future__ import annotations

from pathlib import Path

import pytest

mypy_api = pytest.importorskip("mypy.api", reason="needs the dev group: make test")

ROOT = Path(__file__).parents[3]

STAGES = """
from ragkit.graph.stage import Flow, RunContext, Stage, fan_out, stage
from ragkit.types import Answer, Context, QueryPlan, Ranking, Rankings

class Retrieve(Stage[QueryPlan, Rankings]):
    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        return Rankings(plan, ())

class Fuse(Stage[Rankings, Ranking]):
    async def run(self, rankings: Rankings, ctx: RunContext) -> Ranking:
        return Ranking(rankings.plan, ())

class Generate(Stage[Context, Answer]):
    def run(self, context: Context, ctx: RunContext) -> Answer:
        return Answer(context.plan, text="")

class Special(Ranking): ...

class Anything(Stage[object, Special]):
    def run(self, value: object, ctx: RunContext) -> Special:
        raise NotImplementedError

@stage("rerank/shorten")
def shorten(ranking: Ranking, *, k: int = 3) -> Ranking:
    return ranking

@stage("rerank/wait")
async def wait(ranking: Ranking, *, s: float = 0.1) -> Ranking:
    return ranking
"""
RIGHT = """
both = fan_out(Retrieve(), Retrieve()) >> Fuse()
whole: Flow[QueryPlan, Answer] = both >> shorten() >> wait() >> Generate()
tail: Flow[Ranking, Answer] = shorten() >> Generate()
narrower_given: Flow[object, Ranking] = Anything() >> shorten()
wider_taken: Flow[Rankings, Special] = Fuse() >> Anything()
nested: Flow[QueryPlan, Ranking] = Retrieve() >> (Fuse() >> shorten())
"""
WRONG = """
Retrieve() >> Generate()
Fuse() >> Retrieve()
shorten() >> Fuse()
wait() >> Fuse()
Retrieve() >> Fuse() >> Fuse()
fan_out(Retrieve(), Fuse()) >> Fuse()
fan_out(Retrieve(), Retrieve()) >> shorten()
"""


def mypy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> list[str]:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "wiring.py"
    file.write_text(program)
    output, errors, _ = mypy_api.run(["--strict", f"--cache-dir={tmp_path / 'cache'}", str(file)])
    assert not errors
    return [line for line in output.splitlines() if "wiring.py:" in line]


def test_a_type_checker_accepts_right_wirings_and_rejects_wrong_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mypy(tmp_path, monkeypatch, STAGES + RIGHT + WRONG)
    first_wrong = (STAGES + RIGHT).count("\n") + 2
    rejected = {int(line.split(":")[1]) for line in lines if "Unsupported operand types for >>" in line}
    assert rejected == set(range(first_wrong, first_wrong + WRONG.count("\n") - 1)), lines
    assert len(lines) == len(rejected), lines
