"""What a context of so many tokens holds of the answer: small passages alone, or grown.

    python evals/context_growth.py --data FOLDER_OF_DATASETS

Passages of `--size` tokens are found by the default retrieval (words and vectors, the best `--depth`), grown
by each stage, and packed into the same budgets of tokens by `compress/pack`. The last row is of passages of
ragkit's default size. Paragraphs of SQuAD and XQuAD are put together again to the articles that they were
taken from; those of HotpotQA are documents as they are.

`evidence` is whether all places that prove the answer are in the context, `whole` whether the sentence around
each of them and its neighbours are, as far as its paragraph has them; `contains` is whether an accepted
answer is said in it. Differences are to the passages alone, paired by question, with Holm's correction over
the rows of one measure.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from query_rig import Index, indexed

from ragkit.compress.pack import Pack
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.metrics.wording import contains_words, words
from ragkit.evaluation.significance import holm
from ragkit.evaluation.stats import mean_figure, paired
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.retrieve.auto_merge import AutoMergeRetrieve
from ragkit.retrieve.growth import Growth
from ragkit.retrieve.parent import ParentRetrieve
from ragkit.retrieve.window import WindowRetrieve
from ragkit.text.sentences import sentence_spans
from ragkit.text.spans import covered, gaps
from ragkit.types import Context, Document, Ranking, Span

SETS = ("squad20-dev", "xquad-dev-ru", "hotpotqa-200")
HERE = Path(__file__).parent
MEASURES = ("evidence", "whole", "contains")
STAGES: Mapping[str, Growth | None] = {
    "alone": None,
    "window, 1 sentence": WindowRetrieve(sentences=1),
    "window, 3 sentences": WindowRetrieve(sentences=3),
    "parent, 300 tokens": ParentRetrieve(tokens=300),
    "parent, 300 tokens, sum": ParentRetrieve(tokens=300, score="sum"),
    "auto-merge, half of 300": AutoMergeRetrieve(tokens=300, share=0.5),
}
Values = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and where in which document its answer is proved: exactly, and with what is around it."""

    question: Question
    exact: Sequence[tuple[str, Span]]
    whole: Sequence[tuple[str, Span]]


def main() -> None:
    """Prints one table for each set and budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that the sets lie in")
    parser.add_argument("--sets", nargs="+", default=SETS, help="of evals/datasets (default: %(default)s)")
    parser.add_argument("--size", type=int, default=96, help="tokens of a small passage (default: 96)")
    parser.add_argument("--depth", type=int, default=20, help="passages that are found (default: 20)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[500, 1500], help="default: 500 1500")
    parser.add_argument("--sample", type=int, default=1000, help="questions of a set at most (default: 1000)")
    args = parser.parse_args()
    for name in args.sets:
        measure(load_manifest(HERE / "datasets" / f"{name}.yaml", data=args.data), args)


def measure(data: Dataset, args: argparse.Namespace) -> None:
    """One set: the small passages with every stage, then those of the default size."""
    documents, starts = articles(data)
    texts = {document.id: document.text for document in documents}
    asked = [ask_of(data.questions[id_], starts, texts) for id_ in sample(data, args.sample)]
    tables: dict[int, dict[str, Values]] = {budget: {} for budget in args.budgets}
    small = {"ingest.chunk.size": args.size, "ingest.chunk.overlap": 0}
    for settings, stages in ((small, STAGES), (None, {"passages of 350 tokens": None})):
        with indexed(documents, settings) as index:
            rankings = [found(index, one.question, args.depth) for one in asked]
            for name, stage in stages.items():
                for budget, values in scored(index, stage, args.budgets, rankings, asked).items():
                    tables[budget][name] = values
    for budget, rows in tables.items():
        print(f"\n{data.name}/{data.split}, checksum {data.checksum()[:12]}, n={len(asked)}, seed 0, "
              f"{len(documents)} documents, {budget} tokens")  # fmt: skip
        table(rows)


def scored(
    index: Index,
    stage: Growth | None,
    budgets: Sequence[int],
    rankings: Sequence[Ranking],
    asked: Sequence[Asked],
) -> dict[int, Values]:
    """Each measure of each question, by budget."""
    packs = {budget: Pack(budget_tokens=budget) for budget in budgets}
    for one in (*packs.values(), *([stage] if stage is not None else ())):
        one.setup(index.parts)
    scores: dict[int, Values] = {budget: {measure: [] for measure in MEASURES} for budget in budgets}
    for ask, ranking in zip(asked, rankings, strict=True):
        ctx = RunContext(NodeTrace("grow", "grow"))
        grown = Context.of(ranking if stage is None else stage.run(ranking, ctx))
        for budget, pack in packs.items():
            for measure, value in valued(pack.run(grown, ctx), ask).items():
                scores[budget][measure].append(value)
    return scores


def valued(context: Context, ask: Asked) -> dict[str, float]:
    """Each measure of one context."""
    said = words(" ".join(passage.text for passage in context.passages))
    return {
        "evidence": float(all(holds(context, *place) for place in ask.exact)),
        "whole": float(all(holds(context, *place) for place in ask.whole)),
        "contains": float(any(contains_words(said, words(answer)) for answer in ask.question.answers)),
    }


def table(rows: Mapping[str, Values]) -> None:
    """The figures, and the differences to the first row."""
    base = next(iter(rows.values()))
    for measure in MEASURES:
        changes = {
            name: paired(base[measure], values[measure])
            for name, values in rows.items()
            if values is not base
        }
        p = dict(zip(changes, holm([change.p for change in changes.values()]), strict=True))
        for name, values in rows.items():
            line = f"  {measure:<9} {name:<26} {mean_figure(values[measure])}"
            if name in changes:
                change = changes[name]
                line += f"   {change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}] p={p[name]:.4f}"
            print(line, flush=True)


def found(index: Index, question: Question, depth: int) -> Ranking:
    """The best passages, as the default retrieval finds them."""
    ranking: Ranking = anyio.run(index.graph.run, index.parts.collection.plan(question.text)).value
    return replace(ranking, hits=ranking.hits[:depth])


def holds(context: Context, document_id: str, span: Span) -> bool:
    """Whether every word of a place is in a context."""
    kept = [s for p in context.passages if p.chunk.document_id == document_id for s in p.keep]
    return covered(gaps(kept, span)) == 0


def articles(data: Dataset) -> tuple[list[Document], dict[str, tuple[str, int]]]:
    """Documents, and for each row of the corpus its document and where it begins there."""
    by_title: dict[str, list[Any]] = {}
    for row in data.corpus():
        document = row.document()
        is_paragraph = data.name.startswith(("squad", "xquad"))
        title = document.id.rpartition("-")[0] if is_paragraph else document.id
        by_title.setdefault(title, []).append(document)
    documents, starts = [], {}
    for title, parts in by_title.items():
        at = 0
        for part in parts:
            starts[part.id] = (title, at)
            at += len(part.text) + 2
        documents.append(
            Document(title, "\n\n".join(part.text for part in parts), metadata=parts[0].metadata)
        )
    return documents, starts


def sample(data: Dataset, n: int) -> list[str]:
    """Questions with answers and places that prove them."""
    usable = sorted(id_ for id_, one in data.questions.items() if one.evidence and one.answers)
    return sorted(np.random.default_rng(0).permutation(usable)[:n].tolist())


def ask_of(question: Question, starts: Mapping[str, tuple[str, int]], texts: Mapping[str, str]) -> Asked:
    """A question with its places in the documents. Of one hop the first of its variants is taken."""
    hops: dict[Any, tuple[str, Span]] = {}
    for place in question.evidence:
        document, start = starts[place.document_id]
        hops.setdefault(place.hop, (document, place.span.shift(start)))
    exact = list(hops.values())
    return Asked(question, exact, [(id_, around(texts[id_], span)) for id_, span in exact])


def around(text: str, span: Span) -> Span:
    """The sentences that a place lies in, and their neighbours, within its paragraph."""
    first = text.rfind("\n\n", 0, span.start) + 2 if "\n\n" in text[: span.start] else 0
    last = text.find("\n\n", span.end)
    own = [s.shift(first) for s in sentence_spans(text[first : last if last >= 0 else len(text)])]
    inside = [n for n, s in enumerate(own) if s.start < span.end and span.start < s.end]
    low, high = max(0, min(inside) - 1), min(len(own) - 1, max(inside) + 1)
    return Span(min(own[low].start, span.start), max(own[high].end, span.end))


if __name__ == "__main__":
    main()
