"""Is all the evidence found that stands in several documents? And what does that cost where one is enough?

    python evals/multihop.py --data FOLDER_OF_DATASETS

The default's retrieval up to its fusion, alone, with `query/decompose`, with `retrieve/multihop` behind it,
and with `retrieve/graph` in its fusion, none with a language model; then, to show what one could do, with a
scripted model in `retrieve/multihop` that knows the evidence and names the title of a missing document.

The weights were fitted on 2wiki-train-500, and watched on 400 questions of squad11-dev, 200 of xquad-dev/ru
and 300 training claims of scifact, of which one document answers each; hotpotqa-200, other questions of these
two and the test claims are the test. `all@10` is whether every document of the evidence is among the best 10.
Seconds are those of a question whose vector is remembered.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from query_rig import Floats, Index, documents_of, indexed, measured, told

from ragkit.chat import Completion, Delta, Message
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.stats import paired
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.query.decompose import DecomposeQuery
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.retrieve.graph import GraphRetrieve
from ragkit.retrieve.multihop import MultihopRetrieve
from ragkit.types import QueryPlan, Ranking, Rankings

METRICS = ("nDCG@10", "R@100", "all@5", "all@10")
DEPTH = 100
UNSEEN_ARTICLES = 9
HERE = Path(__file__).parent

Retrieval = Callable[[QueryPlan], Ranking]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Questions of a dataset, and what they are to the weights."""

    data: Dataset
    questions: Sequence[Question]
    what: str


def main() -> None:
    """Prints a table for each dataset."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--only", nargs="+", choices=sorted(SETS), default=list(SETS), help="datasets")
    args = parser.parse_args()
    for name in args.only:
        table(SETS[name](args.data))


def two_wiki(data: Path) -> Measurement:
    """All of it."""
    whole = load_manifest(HERE / "datasets" / "2wiki-train-500.yaml", data=data)
    return Measurement(whole, list(whole.judged.values()), "several documents, fitted on")


def hotpotqa(data: Path) -> Measurement:
    """All of it."""
    whole = load_manifest(HERE / "datasets" / "hotpotqa-200.yaml", data=data)
    return Measurement(whole, list(whole.judged.values()), "several documents, test")


def squad(data: Path) -> Measurement:
    """300 questions on nine articles, none of them watched."""
    whole = load_dataset(data / "squad11-dev")
    title = {row.id: row.title for row in whole.corpus()}
    in_order = sorted(set(title.values()), key=lambda one: hashlib.sha256(one.encode()).hexdigest())
    own = set(in_order[:UNSEEN_ARTICLES])
    left = [q for q in unwatched(whole, 400) if title[next(iter(whole.qrels[q.id]))] in own]
    return Measurement(whole, random.Random(0).sample(left, 300), "one document, test")


def xquad_ru(data: Path) -> Measurement:
    """What was not watched."""
    whole = load_manifest(HERE / "datasets" / "xquad-dev-ru.yaml", data=data)
    return Measurement(whole, unwatched(whole, 200), "one document, in Russian, test")


def scifact(data: Path) -> Measurement:
    """The test claims."""
    whole = load_manifest(HERE / "datasets" / "scifact.yaml", data=data)
    return Measurement(whole, list(whole.judged.values()), "mostly one document, test")


SETS: Mapping[str, Callable[[Path], Measurement]] = {
    "2wiki": two_wiki, "hotpotqa": hotpotqa, "squad": squad, "xquad-ru": xquad_ru, "scifact": scifact
}  # fmt: skip


def unwatched(data: Dataset, n_watched: int) -> list[Question]:
    """The questions that the weights were not watched on."""
    questions = list(data.judged.values())
    watched = {question.id for question in random.Random(3).sample(questions, n_watched)}
    return [question for question in questions if question.id not in watched]


def table(of: Measurement) -> None:
    """Figures of each way to retrieve, and their differences from the default."""
    told(of.data, of.questions, of.what)
    with indexed(documents_of(of.data), depth=DEPTH) as index:
        index.parts.collection.embed([question.text for question in of.questions], "query")
        before: dict[str, Floats] = {}
        compared = ways(index)
        for name, retrieve in compared.items():
            found, seconds = asked(index, of.questions, always(retrieve))
            before = shown(measured(name, found, of.data, METRICS), seconds, before)
        title = {row.id: row.title for row in of.data.corpus()}
        needed = {
            q.id: [title[id_] for id_, grade in of.data.qrels[q.id].items() if grade > 0]
            for q in of.questions
        }
        default = compared["default"]
        found, seconds = asked(index, of.questions, lambda q: guided(index, default, needed[q.id]))
        shown(measured("multihop, oracle for llm", found, of.data, METRICS), seconds, before)


def shown(after: dict[str, Floats], seconds: Floats, before: dict[str, Floats]) -> dict[str, Floats]:
    """Prints how long it took and what it changes; gives what the next ones are compared with."""
    p50, p95 = np.percentile(seconds, [50, 95])
    print(f"    p50 {1000 * p50:.1f} ms, p95 {1000 * p95:.1f} ms")
    for metric in before:
        print(f"    {metric:<8} {paired(before[metric], after[metric])}", flush=True)
    return before or after


def ways(index: Index) -> dict[str, Retrieval]:
    """What is compared, the default first."""
    decompose = index.stage(DecomposeQuery())

    def default(plan: QueryPlan) -> Ranking:
        ranking: Ranking = anyio.run(index.graph.run, plan).value
        return ranking

    multihop = hopping(index, MultihopRetrieve(k=DEPTH))
    return {
        "default": default,
        "+ query/decompose": lambda plan: default(decompose(plan)),
        "+ retrieve/multihop": lambda plan: multihop(default(plan)),
        "+ decompose, multihop": lambda plan: multihop(default(decompose(plan))),
        "+ retrieve/graph": walking(index),
    }


def hopping(index: Index, stage: MultihopRetrieve) -> Callable[[Ranking], Ranking]:
    """A stage as a function of the ranking before it."""
    stage.setup(index.parts)
    return lambda ranking: anyio.run(stage.run, ranking, context())


def walking(index: Index) -> Retrieval:
    """Both retrievers and the graph, fused."""
    arms = (DenseRetrieve(k=DEPTH), Bm25Retrieve(k=DEPTH))
    graph = GraphRetrieve(k=DEPTH)
    fuse = WeightedFuse(k=DEPTH, weights={"dense": 0.35, "bm25": 0.65, "graph": 0.35})
    for one in (*arms, graph, fuse):
        one.setup(index.parts)

    def retrieve(plan: QueryPlan) -> Ranking:
        found = tuple(one for arm in arms for one in arm.run(plan, context()).arms)
        return fuse.run(graph.run(Rankings(plan, found), context()), context())

    return retrieve


class Oracle:
    """A chat model that knows the evidence: it names the title of a document that is not shown."""

    name, fingerprint = "oracle", "oracle/1"

    def __init__(self, titles: Sequence[str]) -> None:
        self._titles = titles

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The reply that `retrieve/multihop` asks for."""
        shown = messages[-1].text
        missing = next((title for title in self._titles if f"\n{title}\n" not in shown), "")
        reply = json.dumps({"enough": not missing, "query": missing}, ensure_ascii=False)
        return Completion(reply, model=self.name, finish_reason="stop")

    async def stream(self, messages: Sequence[Message], **options: Any) -> AsyncGenerator[Delta | Completion]:
        """The same in one piece."""
        yield await self.complete(messages, **options)


def guided(index: Index, default: Retrieval, titles: Sequence[str]) -> Retrieval:
    """`retrieve/multihop` with the oracle, which may ask for every document of the evidence."""
    hop = hopping(index, MultihopRetrieve(k=DEPTH, llm=Oracle(titles), hops=5))
    return lambda plan: hop(default(plan))


def asked(
    index: Index, questions: Sequence[Question], way: Callable[[Question], Retrieval]
) -> tuple[dict[str, list[str]], Floats]:
    """The documents found for each question, best first, and the seconds that it took."""
    found: dict[str, list[str]] = {}
    seconds: list[float] = []
    for question in questions:
        retrieve, plan = way(question), index.parts.collection.plan(question.text)
        began = time.perf_counter()
        ranking = retrieve(plan)
        seconds.append(time.perf_counter() - began)
        found[question.id] = list(dict.fromkeys(hit.chunk.document_id for hit in ranking.hits))
    return found, np.array(seconds)


def always(retrieve: Retrieval) -> Callable[[Question], Retrieval]:
    """The same way for every question."""
    return lambda _: retrieve


def context() -> RunContext:
    """What a stage is run with."""
    return RunContext(NodeTrace("evals", "evals"))


if __name__ == "__main__":
    main()
