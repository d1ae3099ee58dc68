"""Is the answer still there once a context is cut to a quarter or to half of its tokens?

    python evals/compression.py --data FOLDER_OF_DATASETS            measures what is shipped
    python evals/compression.py --data FOLDER_OF_DATASETS --fit      fits the weights anew, and prints them

Contexts are the best ten passages of the default hybrid retrieval. `kept` is the share of a question's
evidence (the answer's span, supporting sentences, sentences that prove a claim) that is wholly in what is
kept, of the evidence that was in the context; questions of which none was found are left out and counted.
`truncate` keeps whole sentences from the start of the ranking, `lead` the first ones of each passage. Weights
are fitted on every second article of SQuAD 2.0, in alphabetical order; all that is printed is of others.
Times (median / 95th percentile) are of the processor, for `compress` alone, on sentences that were read
before, one question after the other; embeddings of sentences that several questions find are remembered.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray
from query_rig import Index, documents_of, indexed

from ragkit.compress.extractive import ExtractiveCompress
from ragkit.compress.scoring import WEIGHTS, Clues, embedding_clues, model_clue, word_clues
from ragkit.compress.selection import ContextSentence, only, sentences_of, tokens_of, within
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.stats import mean_figure, paired
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.protocols import Reranker
from ragkit.types import Context, Document, Ranking

FITTED_ON = "squad20-dev"
SETS = (FITTED_ON, "xquad-dev-en", "xquad-dev-ru", "hotpotqa-200", "scifact")
SHARES = (0.1, 0.25, 0.5)
PASSAGES = 10
Floats = NDArray[np.float64]
Compress = Callable[[Context, int], Context]
_ARTICLE = re.compile(r"-x?\d+$")


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its context, and the places of its evidence that are in it."""

    question: Question
    context: Context
    sentences: list[ContextSentence] = field(repr=False)

    def kept(self, context: Context) -> float:
        """The share of the hops found at all that are still in a context."""
        found = _hops(self.question, self.context)
        return len(found & _hops(self.question, context)) / len(found)


def main() -> None:
    """Prints a table for each set, and the weights where they are fitted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--questions", type=int, default=300, help="about how many of each set; 0 is all")
    parser.add_argument(
        "--documents",
        type=int,
        default=0,
        help="about how many of a larger set, those with evidence among them; 0 is all",
    )
    parser.add_argument("--fit", action="store_true", help="fit the weights, and print them")
    args = parser.parse_args()
    here = Path(__file__).parent / "datasets"
    for name in [FITTED_ON] if args.fit else args.sets:
        data = load_manifest(here / f"{name}.yaml", data=args.data)
        questions = _asked(data, args.questions, fits=args.fit)
        documents = _some(documents_of(data), questions, args.documents)
        with indexed(documents) as index:
            cases = list(_cases(index, questions))
            what = f"n={len(cases)} of {len(questions)} questions, {len(documents)} documents"
            print(f"\n{name}: {what}, checksum {data.checksum()[:12]}, seed 0", flush=True)
            if args.fit:
                fit(cases, index)
            else:
                report(cases, methods(index), [_article(q) for q in (c.question for c in cases)])


def methods(index: Index) -> dict[str, Compress]:
    """What is compared, by name."""
    reranker = BundledReranker(threads=1)
    return {
        "truncate": _by(index, lambda _, sentences: [-n for n in range(len(sentences))]),
        "lead": _by(index, _lead),
        "words": _extractive(index, "words"),
        "embed": _extractive(index, "embed"),
        "rerank": _extractive(index, "rerank", reranker),
    }


def report(cases: Sequence[Case], compared: Mapping[str, Compress], clusters: Sequence[str]) -> None:
    """A line for each share and method, each with its difference to truncation."""
    totals = [tokens_of(case.sentences) for case in cases]
    print(f"  a context has {np.mean(totals):.0f} tokens; without compression 1.000 is kept", flush=True)
    for share in SHARES:
        base: Floats | None = None
        for name, compress in compared.items():
            kept, seconds = [], []
            for case, total in zip(cases, totals, strict=True):
                start = time.process_time()
                made = compress(case.context, ceil(share * total))
                seconds.append(time.process_time() - start)
                kept.append(case.kept(made))
            values = np.array(kept)
            base = values if base is None else base
            low, high = np.quantile(seconds, (0.5, 0.95)) * 1000
            change = "" if base is values else f"   {paired(base, values, clusters=clusters)}"
            figure = mean_figure(values, clusters=clusters)
            print(f"  {share:>4.0%} {name:<9} {figure}   {low:.1f} / {high:.1f} ms{change}", flush=True)


def fit(cases: Sequence[Case], index: Index) -> None:
    """Prints the weights under which evidence comes first: softmax over each context, by Adam."""
    reranker = BundledReranker(threads=1)
    clues = [_clues(case, index, reranker) for case in cases]
    aims = [_aim(case) for case in cases]
    for by, weights in WEIGHTS.items():
        rows = [np.stack([own[name] for name in weights], axis=1) for own in clues]
        found = dict(zip(weights, _fitted(rows, aims).round(1).tolist(), strict=True))
        print(f"  {by}: {found}", flush=True)


def _fitted(rows: Sequence[Floats], aims: Sequence[Floats], steps: int = 400) -> Floats:
    sizes = np.array([len(one) for one in rows])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    owner = np.repeat(np.arange(len(rows)), sizes)
    x, aim = np.concatenate(rows), np.concatenate(aims)
    scale = x.std(axis=0) + 1e-9
    x = x / scale
    weights, mean, square = (np.zeros(x.shape[1]) for _ in range(3))
    for step in range(1, steps + 1):
        values = x @ weights
        odds = np.exp(values - np.maximum.reduceat(values, starts)[owner])
        pull = odds / np.add.reduceat(odds, starts)[owner] - aim
        slope = x.T @ pull / len(rows) + 1e-3 * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return np.asarray(weights / scale)


def _clues(case: Case, index: Index, reranker: Reranker) -> Clues:
    given = (case.context, case.sentences)
    collection, everywhere = index.parts.collection, np.arange(len(case.sentences))
    return {
        **word_clues(*given, collection),
        **embedding_clues(*given, collection, everywhere),
        "model": model_clue(*given, reranker),
    }


def _aim(case: Case) -> Floats:
    """The sentences of the evidence, in equal parts."""
    document = [case.context.passages[s.passage].chunk.document_id for s in case.sentences]
    aim = np.array(
        [
            any(
                e.document_id == id_ and s.read.span.start < e.span.end and e.span.start < s.read.span.end
                for e in case.question.evidence
            )
            for s, id_ in zip(case.sentences, document, strict=True)
        ],
        dtype=np.float64,
    )
    return np.asarray(aim / aim.sum())


def _extractive(index: Index, by: str, model: Reranker | None = None) -> Compress:
    def compress(context: Context, budget: int) -> Context:
        more = {} if model is None else {"model": model}
        stage = ExtractiveCompress(budget_tokens=budget, score=by, **more)
        stage.setup(_WithModel(index) if model is not None else index.parts)  # type: ignore[arg-type]
        return stage.run(context, RunContext(NodeTrace("compress", stage.use)))

    return compress


class _WithModel:
    """The resources of an index, with models given as objects."""

    def __init__(self, index: Index) -> None:
        self.collection = index.parts.collection

    def reranker(self, ref: object) -> object:
        """The model itself."""
        return ref


def _by(index: Index, score: Callable[[Context, list[ContextSentence]], list[int]]) -> Compress:
    def compress(context: Context, budget: int) -> Context:
        sentences = sentences_of(context, index.parts.collection)
        scores = score(context, sentences)
        order = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))
        return only(context, within(budget, (sentences[i] for i in order)))

    return compress


def _lead(context: Context, sentences: list[ContextSentence]) -> list[int]:
    """The first sentences of all passages, then the second ones."""
    seen = [0] * len(context.passages)
    scores = []
    for sentence in sentences:
        scores.append(-seen[sentence.passage])
        seen[sentence.passage] += 1
    return scores


def _cases(index: Index, questions: Sequence[Question]) -> Iterator[Case]:
    for question in questions:
        found: Ranking = anyio.run(index.graph.run, index.parts.collection.plan(question.text)).value
        context = Context.of(Ranking(found.plan, found.hits[:PASSAGES]))
        if _hops(question, context):
            yield Case(question, context, sentences_of(context, index.parts.collection))


def _hops(question: Question, context: Context) -> set[int]:
    """The hops of which a place is wholly in what is kept."""
    return {
        evidence.hop
        for evidence in question.evidence
        for passage in context.passages
        if passage.chunk.document_id == evidence.document_id
        and any(keep.start <= evidence.span.start and evidence.span.end <= keep.end for keep in passage.keep)
    }


def _asked(data: Dataset, n: int, *, fits: bool) -> list[Question]:
    """Questions with evidence, evenly spread; of the set that is fitted on, those of the one half."""
    asked = [question for question in data.judged.values() if question.evidence]
    if data.name == FITTED_ON:
        titles = sorted({_article(question) for question in asked})
        asked = [q for q in asked if titles.index(_article(q)) % 2 == (0 if fits else 1)]
    return asked if not 0 < n < len(asked) else [asked[len(asked) * i // n] for i in range(n)]


def _article(question: Question) -> str:
    return _ARTICLE.sub("", question.evidence[0].document_id)


def _some(documents: list[Document], questions: Sequence[Question], n: int) -> list[Document]:
    """About `n` documents: all with evidence, and others evenly spread."""
    if not 0 < n < len(documents):
        return documents
    needed = {evidence.document_id for question in questions for evidence in question.evidence}
    others = [document for document in documents if document.id not in needed]
    n_others = min(len(others), max(0, n - len(needed)))
    chosen = {others[len(others) * i // n_others].id for i in range(n_others)}
    return [document for document in documents if document.id in needed | chosen]


if __name__ == "__main__":
    main()
