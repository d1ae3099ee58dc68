"""Budgets on a whole RAG: what is done without, in which order, and what the answer says of it."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

import ragkit
from ragkit.chat import Completion, Message
from ragkit.errors import BudgetError, ModelError, ModelTimeoutError, StageError
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.structured import StructuredGenerate
from ragkit.graph.pace import Usual
from ragkit.graph.spec import SOURCE, GraphSpec, NodeSpec
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.models.metered import Metered, metered
from ragkit.models.price import Price
from ragkit.models.route import RouteChat
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.settings import Settings
from ragkit.types import Answer, Ranking
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.judged import JudgeCitations

QUESTIONS = {
    "en": "Which plan offers SAML single sign-on?",
    "ru": "Какой тариф поддерживает единый вход SAML?",
}


class _Price(Settings):
    price: Price = Price(input=1.0, output=2.0)


class Reader:
    """Answers with the first line of the first passage, after a while; four letters are a token."""

    def __init__(
        self, name: str = "reader", *, wait_s: float = 0.0, price: float = 1.0, writes: int = 20
    ) -> None:
        self.name, self.fingerprint = name, f"{name}/1"
        self.wait_s, self.writes = wait_s, writes
        self.config = _Price(price=Price(input=price, output=2 * price))
        self.asked: list[Sequence[Message]] = []

    async def complete(self, messages: Sequence[Message], **options: Any) -> Completion:
        self.asked.append(messages)
        timeout_s = options.get("timeout_s")
        with anyio.move_on_after(timeout_s) as scope:
            await anyio.sleep(self.wait_s)
        if scope.cancelled_caught:
            raise ModelTimeoutError(f"{self.name}: no answer within {timeout_s} s")
        text = self.say(messages)
        size = sum(len(message.text) for message in messages) // 4
        usd = self.config.price.of(size, self.writes)
        return Completion(
            text,
            model=self.name,
            finish_reason="stop",
            input_tokens=size,
            output_tokens=self.writes,
            usd=usd,
        )

    def say(self, messages: Sequence[Message]) -> str:
        if "supported" in messages[0].text:
            return '{"unsupported": []}'
        found = re.search(r"<<passage 1 \w+>>\n.*\n([\s\S]*?)\n<<end", messages[-1].text)
        assert found is not None
        lines = [line.strip() for line in re.split(r"(?<=[.])\s|\n", found[1]) if len(line.split()) > 4]
        return f"{lines[0]} [1]"

    async def stream(self, messages: Sequence[Message], **options: Any) -> Any:
        yield await self.complete(messages, **options)


class Down(Reader):
    """Does not answer."""

    def say(self, messages: Sequence[Message]) -> str:
        raise ModelError("gone")


@stage("rerank/slow")
class SlowRerank(Stage[Ranking, Ranking]):
    """Takes its time and leaves the order."""

    class Config(Settings):
        wait_s: float = 0.0

    config: Config

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        time.sleep(self.config.wait_s)
        return ranking


def graph(
    model: Any, *, rerank: SlowRerank | None = None, judge: Any = None, writer: Any = None, **settings: Any
) -> GraphSpec:
    nodes = [
        NodeSpec("sparse", Bm25Retrieve(), inputs=(SOURCE,)),
        NodeSpec("fuse", RrfFuse(k=8), inputs=("sparse",)),
    ]
    if rerank is not None:
        nodes.append(NodeSpec("rerank", rerank, inputs=(nodes[-1].name,)))
    made = writer or CitedGenerate(llm=model, **{"max_tokens": 300, **settings})
    nodes.append(NodeSpec("generate", made, inputs=(nodes[-1].name,)))
    nodes.append(NodeSpec("verify", VerifyCitations(), inputs=("generate",)))
    if judge is not None:
        nodes.append(NodeSpec("judge", JudgeCitations(llm=judge), inputs=("verify",)))
    return GraphSpec(tuple(nodes), nodes[-1].name)


def opened(index: Path, spec: GraphSpec, **budget: Any) -> ragkit.RAG:
    return ragkit.open(index, set={"budget": budget} if budget else {}, graph=spec, create=False)


def assert_cited(rag: ragkit.RAG, answer: Answer) -> None:
    assert not answer.abstained
    assert answer.citations
    for c in answer.citations:
        assert c.quote == rag.source(c.document_id)[c.start : c.end]


def test_without_limits_every_call_is_in_the_usage(handbook_index: Path) -> None:
    model, judge = Reader(), Reader("judge")
    with opened(handbook_index, graph(model, judge=judge)) as rag:
        answer = rag.ask(QUESTIONS["en"])
    sizes = [sum(len(m.text) for m in asked) // 4 for asked in (*model.asked, *judge.asked)]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (sum(sizes), 40)
    assert answer.usage.usd == pytest.approx((sum(sizes) + 80) / 1e6)
    assert answer.degraded == ()


def test_where_no_model_is_asked_nothing_is_known(handbook: ragkit.RAG) -> None:
    assert handbook.ask(QUESTIONS["en"]).usage.input_tokens is None


@pytest.mark.parametrize("language", QUESTIONS)
def test_fewer_passages_come_before_an_extractive_answer(handbook_index: Path, language: str) -> None:
    model = Reader()
    with opened(handbook_index, graph(model), tokens=1200) as rag:
        answer = rag.ask(QUESTIONS[language])
        assert_cited(rag, answer)
    assert (answer.generator, answer.degraded) == (
        "generate/cited",
        ("budget: generate with fewer passages",),
    )
    assert answer.context is not None
    assert 1 <= len(answer.context.passages) < 8
    assert answer.usage.input_tokens is not None
    assert answer.usage.input_tokens + 20 <= 1200


@pytest.mark.parametrize("language", QUESTIONS)
@pytest.mark.parametrize("budget", [{"tokens": 300}, {"usd": 0.0003}])
def test_the_last_rung_is_an_extractive_answer(
    handbook_index: Path, language: str, budget: dict[str, Any]
) -> None:
    model = Reader()
    with opened(handbook_index, graph(model), **budget) as rag:
        answer = rag.ask(QUESTIONS[language])
        assert_cited(rag, answer)
        nodes = {node["node"]: node["status"] for node in rag.trace(answer.trace_id)["nodes"]}
    assert model.asked == []
    assert answer.generator == "generate/extractive"
    assert answer.degraded[0] == "budget: generate replaced by an extractive answer"
    assert (nodes["generate"], nodes["verify"]) == ("degraded", "ok")


def test_no_answer_is_denied_because_the_budget_was_short(handbook_index: Path) -> None:
    question = "What is the airspeed velocity of an unladen swallow?"
    with opened(handbook_index, graph(Reader()), tokens=300) as rag:
        answer = rag.ask(question)
    assert not answer.abstained
    assert "budget: the nearest sentences are quoted, and may not answer" in answer.degraded


def test_a_judge_that_cannot_be_paid_is_done_without(handbook_index: Path) -> None:
    model, judge = Reader(writes=290), Reader("judge")
    with opened(handbook_index, graph(model, judge=judge, context_tokens=600), tokens=1400) as rag:
        answer = rag.ask(QUESTIONS["en"])
        assert_cited(rag, answer)
    assert (len(model.asked), len(judge.asked)) == (1, 0)
    assert answer.degraded == ("budget: judge skipped",)


def test_under_fail_it_is_an_error_before_anything_is_sent(handbook_index: Path) -> None:
    model = Reader()
    with (
        opened(handbook_index, graph(model), tokens=300, on_exceed="fail") as rag,
        pytest.raises(BudgetError, match=r"reader was not asked.*Raise the limits under budget:"),
    ):
        rag.ask(QUESTIONS["en"])
    assert model.asked == []


def test_json_of_a_schema_has_no_extractive_stand_in(handbook_index: Path) -> None:
    schema = {"type": "object", "properties": {"plan": {"type": "string"}}, "required": ["plan"]}
    writer = StructuredGenerate(llm=Reader(), json_schema=schema)
    with opened(handbook_index, graph(None, writer=writer), tokens=100) as rag, pytest.raises(BudgetError):
        rag.ask(QUESTIONS["en"])


def test_a_model_that_is_slow_is_replaced_in_time(handbook_index: Path) -> None:
    with opened(handbook_index, graph(Reader(wait_s=30.0)), wall_s=3.0) as rag:
        with suppress(BudgetError):  # the first time the embedding model is loaded
            rag.ask(QUESTIONS["en"])
        started = time.monotonic()
        answer = rag.ask(QUESTIONS["en"])
        took_s = time.monotonic() - started
        assert_cited(rag, answer)
    assert took_s < 3.1
    assert answer.degraded[0] == "budget: generate replaced by an extractive answer"
    assert answer.usage.input_tokens is None  # the call that was stopped may have taken anything


def test_under_fail_a_slow_model_is_an_error_in_time(handbook_index: Path) -> None:
    with opened(handbook_index, graph(Reader(wait_s=30.0)), wall_s=1.0, on_exceed="fail") as rag:
        started = time.monotonic()
        with pytest.raises(BudgetError):
            rag.ask(QUESTIONS["en"])
    assert time.monotonic() - started < 1.0 + 1.0  # opening the index is in it


def test_what_there_is_no_time_for_is_skipped(handbook_index: Path) -> None:
    rerank = SlowRerank(wait_s=0.0)
    with opened(handbook_index, graph(Reader(wait_s=0.2), rerank=rerank), wall_s=4.0) as rag:
        quick = rag.ask(QUESTIONS["en"])
        rag._spec.nodes[2].stage.config = SlowRerank(wait_s=3.9).config
        first, second = rag.ask(QUESTIONS["en"]), rag.ask(QUESTIONS["en"])
        assert_cited(rag, second)
        nodes = {node["node"]: node["status"] for node in rag.trace(second.trace_id)["nodes"]}
    # The first time it was begun and given up, the second time not even begun.
    assert quick.degraded == ()
    assert first.degraded[0] == second.degraded[0] == "budget: rerank skipped"
    assert nodes["rerank"] == "skipped"
    assert second.generator == "generate/cited"


def test_short_of_time_the_faster_tier_writes(handbook_index: Path) -> None:
    slow, fast = Metered(Reader("slow", wait_s=0.2)), Metered(Reader("fast"))
    route = RouteChat(tiers=[slow, fast])
    with opened(handbook_index, graph(route), wall_s=3.0) as rag:
        assert rag.ask(QUESTIONS["en"]).degraded == ()
        for tier, seconds in ((slow, 5.0), (fast, 0.1)):
            tier.seconds.add(seconds)
        rag._graph._schedule.units[-2].steps[0].pace.took("generate", Usual(20.0))  # type: ignore[union-attr]
        answer = rag.ask(QUESTIONS["en"])
        assert_cited(rag, answer)
    assert answer.degraded == ("budget: generate by a smaller model (fast)",)


def test_a_failure_is_no_matter_of_the_budget(handbook_index: Path) -> None:
    with (
        opened(handbook_index, graph(Down()), tokens=6000) as rag,
        pytest.raises(StageError, match="gone"),
    ):
        rag.ask(QUESTIONS["en"])


def test_a_tenant_that_is_used_up_gets_extractive_answers_and_others_do_not(tmp_path: Path) -> None:
    model = Reader()
    fields = {"collection.fields": {"tenant": "keyword!"}}
    budget = {"budget": {"tenant": {"tokens": 900}}}
    with ragkit.open(tmp_path, set={**fields, **budget}, graph=graph(model)) as rag:
        for tenant in ("acme", "globex"):
            document = ragkit.Document("warranty", "The warranty lasts 24 months. It starts on delivery.")
            rag.ingest([document], tenant=tenant, progress=False)
        asked = "How long does the warranty last?"
        generators = [rag.ask(asked, tenant="acme").generator for _ in range(4)]
        other = rag.ask(asked, tenant="globex")
    assert generators[0] == other.generator == "generate/cited"
    assert generators[-1] == "generate/extractive"


def test_sixteen_questions_at_once_do_not_overdraw_a_tenant(tmp_path: Path) -> None:
    model = Reader(wait_s=0.2)
    with ragkit.open(tmp_path, set={"budget": {"tenant": {"tokens": 2000}}}, graph=graph(model)) as rag:
        document = ragkit.Document("warranty", "The warranty lasts 24 months. It starts on delivery.")
        rag.ingest([document], progress=False)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: rag.ask("How long does the warranty last?"), range(16)))
    taken = sum((a.usage.input_tokens or 0) + (a.usage.output_tokens or 0) for a in answers)
    written = [a for a in answers if a.generator == "generate/cited"]
    assert 1 <= len(written) < 16
    assert taken <= 2000
    assert all("budget: generate replaced by an extractive answer" in a.degraded
               for a in answers if a.generator != "generate/cited")  # fmt: skip


class Asking(Stage[ragkit.QueryPlan, ragkit.QueryPlan]):
    """A stage of one's own that asks its model from an event loop of its own, in a worker thread."""

    use = "query/asking"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.given = model

    def setup(self, resources: Any) -> None:
        self.model = resources.chat_model(self.given)

    def run(self, plan: ragkit.QueryPlan, ctx: RunContext) -> ragkit.QueryPlan:
        asked = [Message("system", "supported"), Message("user", "How long is it? " * 20)]
        anyio.run(partial(self.model.complete, asked, max_tokens=20))
        return plan


def asking_first(model: Any) -> GraphSpec:
    first = NodeSpec("asking", Asking(model), inputs=(SOURCE,))
    rest = graph(Reader()).nodes[1:]
    return GraphSpec((first, NodeSpec("sparse", Bm25Retrieve(), inputs=("asking",)), *rest), "verify")


def test_what_is_counted_goes_with_the_task_and_the_thread(handbook_index: Path) -> None:
    with opened(handbook_index, asking_first(Reader())) as rag:
        answer = rag.ask(QUESTIONS["en"])
    assert answer.usage.output_tokens == 40


def test_retrieval_alone_takes_from_the_tenants_budget_too(handbook_index: Path) -> None:
    model = Reader()
    with opened(handbook_index, asking_first(model), tenant={"tokens": 300}) as rag:
        rankings = [rag.retrieve(QUESTIONS["en"], k=3) for _ in range(4)]
    assert 1 <= len(model.asked) < 4
    assert rankings[0].degraded == ()
    assert rankings[-1].degraded == ("budget: asking skipped",)
    assert [hit.chunk.id for hit in rankings[-1].hits] == [hit.chunk.id for hit in rankings[0].hits]


def test_what_is_asked_after_a_run_is_not_of_it(handbook_index: Path) -> None:
    model = metered(Reader())

    async def ask_and_go_on(rag: ragkit.RAG) -> Answer:
        answer = await rag.aask(QUESTIONS["en"])
        await model.complete([Message("system", "supported"), Message("user", "How long? " * 500)])
        return answer

    with opened(handbook_index, graph(model), tokens=1800) as rag:
        assert anyio.run(ask_and_go_on, rag).usage.output_tokens == 20
