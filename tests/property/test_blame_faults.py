"""Blame names the node that was broken: 15 faults in real graphs over the example corpus, 50 questions each.

Only the one node is broken, and only questions that the sound graph answers are looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pytest

from ragkit import registry
from ragkit.config.load import load_config
from ragkit.errors import StoreError
from ragkit.evaluation.blame import blame
from ragkit.evaluation.case import Case
from ragkit.evaluation.corpus import LineCorpus
from ragkit.evaluation.dataset import Dataset, Evidence, Question
from ragkit.evaluation.own_questions import load_questions
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.run import PipelineRun, run_pipeline
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.protocols import Resources
from ragkit.settings import Settings
from ragkit.text.analyze import Analyzer
from ragkit.text.sentences import sentence_spans
from ragkit.types import (
    Answer,
    ArmRanking,
    Citation,
    Context,
    Document,
    QueryPlan,
    Ranking,
    Rankings,
    Sentence,
    Span,
)
from tests.scale import scaled

N_QUESTIONS = scaled(700, part=14)
N_HARMED = scaled(50, part=10)
NAMED = 0.95
WORDS = Analyzer()
NOTHING: Mapping[str, Sequence[Span]] = {}

# --- real stages, with a plain reranker and generator, so that what is lost is lost by the fault -----------


@stage("rerank/words")
class WordRerank(Stage[Ranking, Ranking]):
    """By the words that a passage shares with the question; the wrong way round when inverted."""

    class Config(Settings):
        k: int = 5
        inverted: bool = False

    config: Config

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        asked = set(WORDS.terms(ranking.plan.question))
        sign = 1 if self.config.inverted else -1
        hits = sorted(ranking.hits, key=lambda hit: sign * len(asked & set(WORDS.terms(hit.chunk.text))))
        return Ranking(ranking.plan, tuple(hits[: self.config.k]))


@stage("generate/quotes")
class QuoteAll(Stage[Context, Answer]):
    """An answer that quotes all it was given, or only the first or last passage, or nothing of it."""

    class Config(Settings):
        what: str = "all"
        support: float = 0.9

    config: Config

    def run(self, context: Context, ctx: RunContext) -> Answer:
        chosen = {"all": context.passages, "last": context.passages[-1:], "none": ()}[self.config.what]
        sentences = tuple(
            Sentence(
                text, citations=(self._cite(text, span.start, passage.chunk.document_id, passage.chunk.id),)
            )
            for passage in chosen
            for span, text in zip(passage.keep, passage.texts(), strict=True)
        )
        text = " ".join(sentence.marked for sentence in sentences)
        return Answer(context.plan, text=text, sentences=sentences, context=context, abstained=not sentences)

    def _cite(self, text: str, start: int, document: str, chunk: str) -> Citation:
        return Citation(
            1, document_id=document, start=start, end=start + len(text), quote=text, chunk_id=chunk,
            support=self.config.support,
        )  # fmt: skip


@stage("query/forgetful")
class Forgetful(Stage[QueryPlan, QueryPlan]):
    """Searches with something that nobody asked."""

    def run(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        return replace(plan, queries=tuple(replace(query, text="weather forecast") for query in plan.queries))


@stage("retrieve/down")
class Down(Stage[QueryPlan, Rankings]):
    """A backend that does not answer."""

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        raise StoreError("the backend does not answer")


@stage("retrieve/garbage")
class Garbage(Stage[QueryPlan, Rankings]):
    """Finds the same whatever is asked, as an index of wrong vectors does."""

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, plan: QueryPlan, ctx: RunContext) -> Rankings:
        (hits,) = self.collection.bm25(["lantern"], 5, plan)
        return Rankings(plan, (ArmRanking(plan.queries[0], retriever="garbage", hits=hits),))


@stage("compress/blunt")
class Blunt(Stage[Context, Context]):
    """Keeps the first and the last word of each passage."""

    def run(self, context: Context, ctx: RunContext) -> Context:
        kept = []
        for passage in context.passages:
            span = passage.chunk.span
            ends = (Span(span.start, span.start + 3), Span(span.end - 3, span.end))
            kept.append(replace(passage, keep=ends if len(span) > 8 else (span,)))
        return Context(context.plan, tuple(kept))


class LosingChunker(RecursiveChunker):
    """Loses every other passage, and remembers what it kept."""

    use: ClassVar[str] = "chunk/losing"
    kept: ClassVar[dict[str, list[Span]]] = {}

    @property
    def fingerprint(self) -> str:
        return f"losing {super().fingerprint}"

    def split(self, document: Document) -> list[Span]:
        self.kept[document.id] = super().split(document)[::2]
        return self.kept[document.id]


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    for component in (WordRerank, QuoteAll, Forgetful, Down, Garbage, Blunt, LosingChunker):
        registry.register(component)


SOUND = {
    "dense": "{use: retrieve/dense, in: question, k: 10}",
    "sparse": "{use: retrieve/bm25, in: question, k: 10}",
    "fuse": "{use: fuse/rrf, in: [dense, sparse], k: 20}",
    "rerank": "{use: rerank/words, k: 5}",
    "compress": "{use: compress/extractive, budget_tokens: 1800}",
    "generate": "{use: generate/quotes}",
    "verify": "{use: verify/citations}",
}
# One node of a sound graph replaced.
DENSE_ALONE = {n: node for n, node in SOUND.items() if n != "sparse"} | {
    "fuse": "{use: fuse/rrf, in: dense, k: 10}"
}
SPARSE_ALONE = {n: node for n, node in SOUND.items() if n != "dense"} | {
    "fuse": "{use: fuse/rrf, in: sparse, k: 10}"
}
GARBAGE = "{use: retrieve/garbage, in: question}"
# The second arm is no good, and fusion knows it.
WEIGHTED = SOUND | {
    "sparse": GARBAGE,
    "fuse": "{use: fuse/weighted, in: [dense, sparse], k: 5, weights: {dense: 1.0, garbage: 0.0}}",
}
HEAD = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed, fields: {lang: keyword}}
ingest: {chunk: {use: chunk/recursive, size: 160, overlap: 0}}
query:
"""


@dataclass(frozen=True)
class Fault:
    """What is broken in a sound graph, and who is to be named."""

    name: str
    blamed: str
    nodes: Mapping[str, str] = field(default_factory=dict)
    sound: Mapping[str, str] = field(default_factory=lambda: SOUND)
    filter: Mapping[str, str] | None = None
    is_corpus_halved: bool = False
    chunker: str = "chunk/recursive"


FAULTS = [
    Fault("the index misses documents", "corpus", is_corpus_halved=True),
    Fault("the chunker loses passages", "corpus", chunker="chunk/losing"),
    Fault("the dense retriever searches wrong vectors", "dense", {"dense": GARBAGE}, DENSE_ALONE),
    Fault("the BM25 retriever searches wrong words", "sparse", {"sparse": GARBAGE}, SPARSE_ALONE),
    Fault(
        "the dense backend is down, and the other one finds too little", "dense",
        {"dense": "{use: retrieve/down, in: question, on_error: skip}", "sparse": GARBAGE},
    ),
    Fault(
        "both retrievers fetch too few", "dense+sparse",
        {name: SOUND[name].replace("k: 10", "k: 1") for name in ("dense", "sparse")},
    ),
    Fault("the query is rewritten into something else", "dense+sparse", {}),
    Fault("a filter lets nothing through", "dense+sparse", filter={"lang": "xx"}),
    Fault(
        "fusion gives the arm that finds no weight", "fuse",
        {"fuse": WEIGHTED["fuse"].replace("dense: 1.0, garbage: 0.0", "dense: 0.0, garbage: 1.0")}, WEIGHTED,
    ),
    Fault("fusion keeps too few", "fuse", {"fuse": "{use: fuse/rrf, in: [dense, sparse], k: 1}"}),
    Fault("the reranker is inverted", "rerank", {"rerank": "{use: rerank/words, k: 3, inverted: true}"}),
    Fault("the compressor drops the answer", "compress", {"compress": "{use: compress/blunt}"}),
    Fault("the generator reads one passage", "generate", {"generate": "{use: generate/quotes, what: last}"}),
    Fault("the generator always abstains", "generate", {"generate": "{use: generate/quotes, what: none}"}),
    Fault("the verifier asks for too much", "verify", {"verify": "{use: verify/citations, min_support: 1}"}),
]  # fmt: skip


def pipeline(fault: Fault, nodes: Mapping[str, str]) -> Pipeline:
    if fault.name.startswith("the query"):
        nodes = {"forget": "{use: query/forgetful, in: question}"} | {
            name: node.replace("in: question", "in: forget") for name, node in nodes.items()
        }
    text = HEAD.replace("chunk/recursive", fault.chunker) + "".join(
        f"  {name}: {node}\n" for name, node in nodes.items()
    )
    return Pipeline("p", config=load_config(text), filter=fault.filter)


# --- questions: those of the examples, and sentences of the handbook with one word of three left --------


def from_sentences(texts: Mapping[str, str]) -> Iterator[Question]:
    for document, text in sorted(texts.items()):
        for n, span in enumerate(sentence_spans(text)):
            words = span.of(text).split()
            if len(words) >= 9:
                asked = " ".join(word for i, word in enumerate(words) if i % 3 == 0)
                yield Question(
                    f"{document}-{n}", asked, evidence=(Evidence(document, span=span),), is_answerable=True
                )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    examples = load_questions("examples/questions/questions.jsonl", "examples/corpus")
    # In the language that the bundled model knows.
    texts = {document.id: document.text for document in examples.documents() if document.id.startswith("en/")}
    known = (q for q in examples.questions.values() if q.evidence and q.is_answerable)
    asked = {q.id: q for q in known if all(place.document_id in texts for place in q.evidence)}
    asked |= {q.id: q for q in from_sentences(texts)}
    spread = list(asked.values())
    chosen = {q.id: q for q in spread[:: max(1, len(spread) // N_QUESTIONS)]}
    return of_texts(texts, chosen, tmp_path_factory.mktemp("data"))


def of_texts(texts: Mapping[str, str], asked: Mapping[str, Question], folder: Path) -> Dataset:
    rows = [json.dumps({"_id": id_, "text": text}) for id_, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    qrels = {q.id: {place.document_id: 1 for place in q.evidence} for q in asked.values()}
    source = LineCorpus(folder / "corpus.jsonl")
    return Dataset("lantern", folder=folder, split="test", questions=asked, qrels=qrels, source=source)


@pytest.fixture(scope="module")
def halved(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    texts = {document.id: document.text for document in islice(data.documents(), 0, None, 2)}
    return of_texts(texts, data.questions, tmp_path_factory.mktemp("halved"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def ran(one: Pipeline, data: Dataset, folder: Path, cache: Path) -> PipelineRun:
    return run_pipeline(one, data, folder=folder, cache=cache, timing_n=0, max_error_rate=0.0)


def blamed(
    run: PipelineRun, data: Dataset, indexed: Mapping[str, Sequence[Span]] = NOTHING
) -> dict[str, str | None]:
    cases = [
        Case(data.questions[id_], judged=data.qrels[id_], outcome=outcome, texts=data.texts())
        for id_, outcome in run.outcomes.items()
    ]
    return {case.question.id: blame(case, run.graph, indexed=indexed) for case in cases}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_broken_node_is_named(
    fault: Fault, data: Dataset, halved: Dataset, cache: Path, tmp_path: Path
) -> None:
    sound = ran(pipeline(Fault("", ""), fault.sound), data, tmp_path / "sound", cache)
    before = blamed(sound, data)
    asked = halved if fault.is_corpus_halved else data
    broken = ran(pipeline(fault, {**fault.sound, **fault.nodes}), asked, tmp_path / "broken", cache)
    after = blamed(broken, asked, LosingChunker.kept if fault.chunker == LosingChunker.use else NOTHING)
    # Questions that were answered before and are not now: the fault, and nothing else, has lost them.
    harmed = [after[id_] for id_ in after if before[id_] is None and after[id_] is not None]
    right = sum(name == fault.blamed for name in harmed)
    print(f"{fault.name}: {right} of {len(harmed)} named {fault.blamed}: {dict(Counter(harmed))}")
    assert len(harmed) >= N_HARMED
    assert right >= NAMED * len(harmed)
