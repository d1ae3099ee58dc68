"""A pipeline over a small collection: what is asked, what is kept, what is counted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

import ragkit
from ragkit import registry
from ragkit.config.load import load_config
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.outcome import StageRuns
from ragkit.evaluation.runner import stage_cache
from ragkit.evaluation.runner.observe import Node, Observer
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.run import PipelineRun, run_pipeline
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.settings import Settings
from ragkit.types import Ranking, Turn
from tests.unit.evaluation.runner.small import DOCUMENTS, QUESTIONS, config, pipeline, small_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return small_dataset(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests of this file share, so that the collection is indexed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(tmp_path: Path, indexes: Path) -> Path:
    """The same indexes, and no value of any stage."""
    (tmp_path / "cache").mkdir()
    (indexes / "index").mkdir(exist_ok=True)
    (tmp_path / "cache" / "index").symlink_to(indexes / "index")
    return tmp_path / "cache"


def run(asked: Pipeline, dataset: Dataset, folder: Path, cache: Path, **options: Any) -> PipelineRun:
    options = {"timing_n": 0, **options}
    return run_pipeline(asked, dataset, folder=folder, cache=cache, **options)


def lines(folder: Path) -> list[str]:
    return (folder / "outcomes.jsonl").read_text().splitlines()


# --- what is asked --------------------------------------------------------------------------------


def test_every_question_has_its_outcome_in_the_order_of_the_dataset(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    made = run(pipeline(), dataset, tmp_path / "run", cache)
    assert list(made.outcomes) == list(QUESTIONS)
    assert [json.loads(line)["id"] for line in lines(tmp_path / "run")] == list(QUESTIONS)
    nodes = ["condense", "dense", "sparse", "fuse", "rerank", "compress", "generate", "verify"]
    assert [name for name, _ in made.graph] == nodes
    for id_, outcome in made.outcomes.items():
        assert [(found.node, found.kind) for found in outcome.found] == [
            ("dense", "arm"),
            ("sparse", "arm"),
            ("fuse", "ranking"),
            ("rerank", "ranking"),
            ("compress", "context"),
        ]
        assert outcome.ranked[0] == id_.removeprefix("q-")
        assert outcome.reply is not None


def test_an_outcome_is_what_the_application_answers(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    made = run(pipeline(), dataset, tmp_path / "run", cache)
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest(dataset.documents(), progress=False)
        for id_, outcome in made.outcomes.items():
            answer, reply = rag.ask(QUESTIONS[id_]), outcome.reply
            assert reply is not None
            assert (reply.text, reply.sentences) == (answer.text, answer.sentences)
            assert answer.context is not None
            kept = [(p.chunk.id, p.keep, p.hit.score) for p in answer.context.passages]
            assert [(p.chunk_id, p.spans, p.score) for p in outcome.context] == kept


@pytest.mark.parametrize("retriever", ["full", "hybrid", "dense", "bm25"])
def test_a_ranking_is_what_the_application_retrieves(
    dataset: Dataset, cache: Path, tmp_path: Path, retriever: Any
) -> None:
    asked = replace(pipeline(answers=False), retriever=retriever, k=3)
    made = run(asked, dataset, tmp_path / "run", cache)
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest(dataset.documents(), progress=False)
        for id_, outcome in made.outcomes.items():
            hits = rag.retrieve(QUESTIONS[id_], k=3, retriever=retriever).hits
            assert [(p.chunk_id, p.score) for p in outcome.ranking] == [(h.chunk.id, h.score) for h in hits]
            assert outcome.reply is None


def test_places_are_spans_of_the_documents(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    made = run(pipeline(), dataset, tmp_path / "run", cache)
    for outcome in made.outcomes.values():
        for place in (place for found in outcome.found for place in found.places):
            text = DOCUMENTS[place.document_id]
            assert all(0 <= span.start < span.end <= len(text) for span in place.spans)


def test_some_questions_are_asked_alone(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    made = run(pipeline(), dataset, tmp_path / "run", cache, questions=["q-phone", "q-backup"])
    assert list(made.outcomes) == ["q-backup", "q-phone"]
    with pytest.raises(EvalError, match="no question 'q-none'"):
        run(pipeline(), dataset, tmp_path / "run", cache, questions=["q-none"])


def test_the_history_of_a_question_is_in_its_plan(cache: Path, tmp_path: Path, asks: list[Any]) -> None:
    data = small_dataset(tmp_path / "data")
    turns = (Turn("user", "And the scanner?"), Turn("assistant", "It has a lamp."))
    asked = {"q-phone": replace(data.questions["q-phone"], history=turns)}
    run(watched("rerank/note"), replace(data, questions=asked), tmp_path / "run", cache)
    assert [plan.history for plan in asks] == [turns]


# --- the same again -------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 7])
def test_a_run_gives_the_same_bytes_again(
    dataset: Dataset, cache: Path, tmp_path: Path, concurrency: int
) -> None:
    run(pipeline(), dataset, tmp_path / "a", cache, stage_cache=False, concurrency=1)
    run(pipeline(), dataset, tmp_path / "b", cache, concurrency=concurrency)
    run(pipeline(), dataset, tmp_path / "c", cache, concurrency=concurrency)
    assert lines(tmp_path / "a") == lines(tmp_path / "b") == lines(tmp_path / "c")


def test_an_interrupted_run_asks_only_what_is_left(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    run(pipeline(), dataset, tmp_path / "whole", cache)
    some = list(QUESTIONS)[:5]
    run(pipeline(), dataset, tmp_path / "run", cache, questions=some)
    (tmp_path / "run" / "outcomes.jsonl").rename(tmp_path / "run" / "outcomes.jsonl.part")
    made = run(pipeline(), dataset, tmp_path / "run", cache, resume=True, stage_cache=False)
    assert (made.resumed, made.stage_runs["dense"]) == (5, StageRuns(3))
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")


def test_a_finished_run_is_not_asked_again(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    first = run(pipeline(), dataset, tmp_path / "run", cache)
    again = run(pipeline(), dataset, tmp_path / "run", cache, resume=True)
    assert again.resumed == len(QUESTIONS)
    assert again.outcomes == first.outcomes


def test_a_run_of_another_configuration_is_not_gone_on_with(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    run(pipeline(), dataset, tmp_path / "run", cache)
    with pytest.raises(EvalError, match="made with another configuration"):
        run(pipeline(query__fuse__k=3), dataset, tmp_path / "run", cache, resume=True)


def test_a_run_with_another_prompt_in_the_same_file_is_not_gone_on_with(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    prompt = tmp_path / "prompt.txt"
    asked = Pipeline(
        "prompted",
        config=load_config(
            RAG_YAML.replace("{use: USE, on_error: ON_ERROR}", f"{{use: rerank/prompted, prompt: {prompt}}}")
        ),
    )
    prompt.write_text("Be brief.")
    run(asked, dataset, tmp_path / "run", cache)
    prompt.touch()
    assert run(asked, dataset, tmp_path / "run", cache, resume=True).resumed == len(QUESTIONS)
    prompt.write_text("Be exact.")
    with pytest.raises(EvalError, match="made with another stages"):
        run(asked, dataset, tmp_path / "run", cache, resume=True)


def test_a_second_process_is_refused(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    def progress(done: int, total: int | None, what: str) -> None:
        with pytest.raises(EvalError, match=f"process {os.getpid()} is writing its outcomes there"):
            run(pipeline(), dataset, tmp_path / "run", cache)

    run(pipeline(), dataset, tmp_path / "run", cache, questions=["q-phone"], progress=progress)


# --- the cache of stages --------------------------------------------------------------------------


def counts(made: PipelineRun) -> dict[str, tuple[int, int]]:
    """Runs of the nodes that were not skipped for every question, as `condense` is without a history."""
    counted = {name: (runs.executed, runs.cached) for name, runs in made.stage_runs.items()}
    return {name: runs for name, runs in counted.items() if runs != (0, 0)}


def test_the_same_pipeline_runs_no_stage_again(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    first = run(pipeline(), dataset, tmp_path / "a", cache)
    again = run(pipeline(), dataset, tmp_path / "b", cache)
    assert set(counts(first).values()) == {(8, 0)}
    assert set(counts(again).values()) == {(0, 8)}


def test_a_changed_stage_runs_anew_with_what_is_downstream(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    run(pipeline(), dataset, tmp_path / "a", cache)
    changed = run(pipeline(query__compress__budget_tokens=9), dataset, tmp_path / "b", cache)
    assert counts(changed) == {
        "dense": (0, 8),
        "sparse": (0, 8),
        "fuse": (0, 8),
        "rerank": (0, 8),
        "compress": (8, 0),
        "generate": (8, 0),
        "verify": (8, 0),
    }
    fresh = run(pipeline(query__compress__budget_tokens=9), dataset, tmp_path / "c", cache, stage_cache=False)
    assert changed.outcomes == fresh.outcomes


def test_another_arm_leaves_the_other_one_as_it_is(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    run(pipeline(), dataset, tmp_path / "a", cache)
    changed = run(pipeline(query__dense__k=5), dataset, tmp_path / "b", cache)
    assert counts(changed)["sparse"] == (0, 8)
    assert counts(changed)["dense"] == counts(changed)["fuse"] == (8, 0)


def test_what_is_searched_differently_is_searched_anew(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    run(pipeline(), dataset, tmp_path / "a", cache)
    changed = run(pipeline(collection__bm25__k1=1.7), dataset, tmp_path / "b", cache)
    assert set(counts(changed).values()) == {(8, 0)}


def test_pipelines_that_rank_alike_share_what_they_have_in_common(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    run(replace(pipeline(answers=False), k=50), dataset, tmp_path / "a", cache)
    made = run(pipeline(query__fuse__k=50), dataset, tmp_path / "b", cache)
    assert [counts(made)[node] for node in ("dense", "sparse", "fuse")] == [(0, 8)] * 3


def test_a_damaged_cache_says_what_to_do(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    run(pipeline(), dataset, tmp_path / "a", cache)
    (path,) = (cache / "stages").glob("*.sqlite")
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(EvalError, match=r"cache of stages cannot be used.*Remove the file"):
        run(pipeline(), dataset, tmp_path / "b", cache)


def test_a_cache_that_takes_no_more_fails_no_question(
    dataset: Dataset,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(stage_cache, "_SCHEMA", f"{stage_cache._SCHEMA}PRAGMA max_page_count = 5;")
    monkeypatch.setattr(stage_cache, "_FLUSH_AT", 1)
    made = run(pipeline(), dataset, tmp_path / "full", cache)
    assert not made.failed
    assert len([r for r in caplog.records if "no more values of stages are kept" in r.message]) == 1
    monkeypatch.undo()
    assert run(pipeline(), dataset, tmp_path / "run", cache).outcomes == made.outcomes


# --- stages of one's own --------------------------------------------------------------------------


ASKED: list[Any] = []
FAILING: set[str] = set()


@stage("rerank/note")
class Note(Stage[Ranking, Ranking]):
    """Notes that it was run, and fails or degrades where it is told to."""

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        ASKED.append(ranking.plan)
        if ranking.plan.question in FAILING:
            raise ValueError("the model is down")
        if "*" in FAILING:
            ctx.degrade("half of it")
        return ranking


@stage("rerank/prompted")
class Prompted(Stage[Ranking, Ranking]):
    """Has a file beside its settings."""

    class Config(Settings):
        prompt: Path = Field(description="The file.")

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return ranking


@pytest.fixture
def asks() -> Iterator[list[Any]]:
    registry.register(Note)
    registry.register(Prompted)
    ASKED.clear()
    FAILING.clear()
    yield ASKED
    FAILING.clear()
    registry._registered.pop("rerank/note")
    registry._registered.pop("rerank/prompted")


RAG_YAML = """
ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25, in: question, k: 5}
  fuse: {use: fuse/rrf, in: [sparse]}
  note: {use: USE, on_error: ON_ERROR}
  generate: {use: generate/extractive}
"""


def watched(use: str, on_error: str = "fail") -> Pipeline:
    return Pipeline("watched", config=load_config(RAG_YAML.replace("USE", use).replace("ON_ERROR", on_error)))


def test_a_question_that_fails_is_counted_and_the_others_go_on(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    FAILING.add(QUESTIONS["q-office"])
    made = run(watched("rerank/note"), dataset, tmp_path / "run", cache, max_error_rate=0.2)
    assert list(made.failed) == ["q-office"]
    assert "the model is down" in made.failed["q-office"]
    assert made.outcomes["q-office"].found == ()
    assert sum(outcome.reply is not None for outcome in made.outcomes.values()) == 7


def test_too_many_failures_end_the_run_and_name_the_first(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    FAILING.update(QUESTIONS.values())
    with pytest.raises(EvalError, match=r"1 of 8 questions failed, more than the 10% .*the model is down"):
        run(watched("rerank/note"), dataset, tmp_path / "run", cache, concurrency=1)
    assert len(asks) == 1


def test_what_failed_is_asked_again_where_the_cause_is_mended(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    FAILING.add(QUESTIONS["q-office"])
    run(watched("rerank/note"), dataset, tmp_path / "run", cache, max_error_rate=0.2)
    FAILING.clear()
    asks.clear()
    made = run(watched("rerank/note"), dataset, tmp_path / "run", cache, resume=True)
    assert [plan.question for plan in asks] == [QUESTIONS["q-office"]]
    assert not made.failed
    assert made.stage_runs["fuse"] == StageRuns(0, cached=1)


def test_what_came_of_a_failure_is_not_kept(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    FAILING.add(QUESTIONS["q-office"])
    made = run(watched("rerank/note", "skip"), dataset, tmp_path / "a", cache)
    assert made.outcomes["q-office"].degraded == ("note",)
    FAILING.clear()
    again = run(watched("rerank/note", "skip"), dataset, tmp_path / "b", cache)
    assert counts(again) == {"sparse": (0, 8), "fuse": (0, 8), "note": (1, 7), "generate": (1, 7)}
    assert again.outcomes["q-office"].degraded == ()


def test_nodes_that_were_done_without_are_in_the_order_of_the_graph() -> None:
    nodes = [Node("sparse", "retrieve/bm25"), Node("dense", "retrieve/dense")]
    outcome = Observer(None, nodes).outcome("q", {}, degraded=("half of it", "dense", "sparse"))
    assert outcome.degraded == ("sparse", "dense", "half of it")


def test_what_lost_quality_is_not_kept(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    FAILING.add("*")
    made = run(watched("rerank/note"), dataset, tmp_path / "a", cache)
    assert made.outcomes["q-phone"].degraded == ("half of it",)
    FAILING.clear()
    again = run(watched("rerank/note"), dataset, tmp_path / "b", cache)
    assert counts(again)["note"] == counts(again)["generate"] == (8, 0)


def test_a_stage_made_in_code_is_run_each_time_with_what_is_downstream(
    dataset: Dataset, cache: Path, tmp_path: Path, asks: list[Any]
) -> None:
    class Hidden(Note):
        def __init__(self, secret: object) -> None:
            super().__init__()
            self.secret = secret

    asked = watched("rerank/note")
    graph = asked.config.graph
    nodes = tuple(replace(n, stage=Hidden(object())) if n.name == "note" else n for n in graph.nodes)
    asked = replace(asked, config=replace(asked.config, graph=replace(graph, nodes=nodes)))
    for name in "ab":
        made = run(asked, dataset, tmp_path / name, cache)
    assert counts(made) == {"sparse": (0, 8), "fuse": (0, 8), "note": (8, 0), "generate": (8, 0)}


# --- the index ------------------------------------------------------------------------------------


def test_documents_that_cannot_be_ingested_are_told(cache: Path, tmp_path: Path) -> None:
    data = small_dataset(tmp_path / "data", {**DOCUMENTS, "blank": "   "})
    for name in "ab":
        made = run(pipeline(), data, tmp_path / name, cache)
        assert list(made.problems) == ["blank"]


def test_an_index_is_made_once_for_all_that_cut_and_embed_alike(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    for name, asked in {
        "a": pipeline(),
        "b": pipeline(query__fuse__k=3, collection__bm25__k1=1.2),
        "c": pipeline(ingest__chunk__size=20, ingest__chunk__overlap=0),
    }.items():
        run(asked, dataset, tmp_path / name, cache, progress=lambda done, total, what: told.append(what))
    keys = {json.loads((tmp_path / name / "run.json").read_text())["index"] for name in "abc"}
    assert len(keys) == 2


def test_two_that_need_the_same_index_wait_for_each_other(dataset: Dataset, tmp_path: Path) -> None:
    told: dict[str, set[str]] = {"a": set(), "b": set()}

    def start(name: str) -> PipelineRun:
        def progress(done: int, total: int | None, what: str) -> None:
            told[name].add(what)

        asked = pipeline(name, ingest__chunk__size=30, ingest__chunk__overlap=0)
        return run(asked, dataset, tmp_path / name, tmp_path / "cache", progress=progress)

    with ThreadPoolExecutor() as threads:
        first, second = threads.map(start, "ab")
    assert first.outcomes == second.outcomes
    indexed = [name for name in "ab" if f"{name}: indexing" in told[name]]
    assert len(indexed) == 1


def test_a_store_that_is_not_the_embedded_one_is_not_written_to(dataset: Dataset, tmp_path: Path) -> None:
    remote = {"stores.prod": {"use": "store/qdrant", "url": "http://nowhere"}, "collection.store": "prod"}
    asked = Pipeline("remote", config=config(**remote))
    with pytest.raises(EvalError, match=r"store is store/qdrant.*corpus: own"):
        run(asked, dataset, tmp_path / "run", tmp_path / "cache")


def test_a_pipeline_may_ask_an_index_of_its_own(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "mine") as rag:
        rag.ingest(dataset.documents(), progress=False)
    asked = replace(pipeline(stores__local__path=tmp_path / "mine"), corpus="own")
    own = run(asked, dataset, tmp_path / "a", cache)
    made = run(pipeline(), dataset, tmp_path / "b", cache)
    assert own.outcomes == made.outcomes


def test_another_value_of_the_environment_is_another_run(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    text = RAG_YAML.replace("USE", "rerank/mmr").replace("ON_ERROR", "fail").replace("k: 5", 'k: "${DEPTH}"')
    first, second = (
        Pipeline("env", config=load_config(text, env={"DEPTH": depth}), answers=True) for depth in ("5", "6")
    )
    run(first, dataset, tmp_path / "run", cache)
    with pytest.raises(EvalError, match="another settings"):
        run(second, dataset, tmp_path / "run", cache, resume=True)
    assert counts(run(second, dataset, tmp_path / "run", cache))["sparse"] == (8, 0)


def test_an_index_of_its_own_that_changed_is_another_run(
    dataset: Dataset, cache: Path, tmp_path: Path
) -> None:
    asked = replace(pipeline(stores__local__path=tmp_path / "mine"), corpus="own")
    with ragkit.open(tmp_path / "mine") as rag:
        rag.ingest(dataset.documents(), progress=False)
        run(asked, dataset, tmp_path / "run", cache)
        rag.ingest([ragkit.Document("new", "The warranty of the phone is new.")], progress=False)
    with pytest.raises(EvalError, match="another index"):
        run(asked, dataset, tmp_path / "run", cache, resume=True)
    assert set(counts(run(asked, dataset, tmp_path / "run", cache)).values()) == {(8, 0)}


# --- times and progress ---------------------------------------------------------------------------


def test_times_are_in_a_file_of_their_own(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    made = run(pipeline(), dataset, tmp_path / "run", cache, timing_n=3)
    assert list(made.timings) == ["q-warranty", "q-licence", "q-invoice"]
    for timing in made.timings.values():
        assert set(timing.nodes) == {name for name, _ in made.graph}
        assert 0 < max(timing.nodes.values()) <= timing.seconds
    assert "seconds" not in (tmp_path / "run" / "outcomes.jsonl").read_text()
    assert run(pipeline(), dataset, tmp_path / "run", cache, resume=True).timings == made.timings


def test_progress_counts_up_to_all_questions(dataset: Dataset, cache: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []

    def progress(done: int, total: int | None, what: str) -> None:
        if what == "default":
            told.append((done, total))

    run(pipeline(), dataset, tmp_path / "run", cache, progress=progress)
    assert told == [(n, 8) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "has no name"),
        ({"k": 0}, "k=0: expected a whole number from 1"),
        ({"retriever": "bm52", "answers": False}, r"retriever='bm52'.*Did you mean 'bm25'"),
        ({"retriever": "bm25"}, "Set answers: false"),
        ({"corpus": "mine"}, "expected one of: dataset, own"),
    ],
)
def test_a_pipeline_that_makes_no_sense_is_refused(wrong: Mapping[str, Any], said: str) -> None:
    with pytest.raises(EvalError, match=said):
        replace(pipeline(), **wrong)
