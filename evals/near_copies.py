"""Does `compress/dedupe` drop what is said twice, and nothing else? Versions of pages, English and Russian.

    python evals/near_copies.py --data FOLDER_OF_DATASETS

Contexts are made of two versions of one page of fastapi-docs: the passages of both, in turn. English has two
real versions, of which half of the pages differ. Russian has one; its other version leaves out each ninth
sentence and swaps a number for another one in each seventh, so that the passages are cut elsewhere.

`repeated` is the share of tokens in sentences that stood before in the context: the less is left the better.
`lost` is the share of different sentences that are nowhere any more, of which there should be none; `numbers`
the same of sentences that hold a number.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from query_rig import indexed

from ragkit.compress.dedupe import Dedupe
from ragkit.evaluation.stats import mean_figure
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.protocols import Resources
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, Context, Document, Hit, Passage, QueryPlan, Ranking

_NUMBER = re.compile(r"\d+")
Change = Callable[[str], str]


def main() -> None:
    """Prints what is repeated and what is lost, for each threshold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.3, 0.5, 0.7])
    args = parser.parse_args()
    pages = args.data / "fastapi-docs"
    sets = {
        "en, two versions": list(_versions(pages / "raw" / "en", pages / "raw-old" / "en")),
        "ru, a changed copy": list(_versions(pages / "raw" / "ru", None)),
    }
    # Nothing is looked up in the index: it reads sentences.
    with indexed([Document("a", "Nothing.")]) as index:
        for name, contexts in sets.items():
            print(f"\n{name}: {len(contexts)} pages")
            told("without", contexts, lambda context: context)
            for threshold in args.thresholds:
                told(f"threshold {threshold}", contexts, _dedupe(threshold, index.parts))


def told(name: str, contexts: Sequence[Context], change: Callable[[Context], Context]) -> None:
    """A line of the table."""
    rows = [measured(context, change(context)) for context in contexts]
    repeated, lost, numbers = (mean_figure([row[i] for row in rows]) for i in range(3))
    print(f"  {name:<16} repeated {repeated}   lost {lost}   numbers {numbers}")


def measured(before: Context, after: Context) -> tuple[float, float, float]:
    """What is repeated in the context after, and what of the one before is lost."""
    left = [sentence for passage in after.passages for sentence in _sentences(passage)]
    seen: set[str] = set()
    repeated = 0
    for key, tokens in left:
        repeated += tokens if key in seen else 0
        seen.add(key)
    there = {key for passage in before.passages for key, _ in _sentences(passage)}
    numbered = {key for key in there if _NUMBER.search(key)}
    return (
        repeated / max(1, sum(tokens for _, tokens in left)),
        len(there - seen) / max(1, len(there)),
        len(numbered - seen) / max(1, len(numbered)),
    )


def _dedupe(threshold: float, resources: Resources) -> Callable[[Context], Context]:
    stage = Dedupe(threshold=threshold)
    stage.setup(resources)
    return lambda context: stage.run(context, RunContext(NodeTrace("dedupe", "compress/dedupe")))


def _sentences(passage: Passage) -> Iterator[tuple[str, int]]:
    for kept in passage.texts():
        for span in sentence_spans(kept):
            text = span.of(kept)
            yield " ".join(re.findall(r"\w+", text.lower())), count_tokens(text)


def _versions(new: Path, old: Path | None) -> Iterator[Context]:
    for path in sorted(new.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        other = changed(text) if old is None else (old / path.relative_to(new)).read_text(encoding="utf-8")
        one, two = _chunks("new/" + path.name, text), _chunks("old/" + path.name, other)
        chunks = [chunk for pair in zip_longest(one, two) for chunk in pair if chunk is not None]
        hits = tuple(Hit(chunk, 1.0 / (1 + n)) for n, chunk in enumerate(chunks))
        yield Context.of(Ranking(QueryPlan.of("?"), hits))


def changed(text: str) -> str:
    """A copy of a page without each ninth sentence, and with another number in each seventh that has one."""
    parts, at, n_numbers = [], 0, 0
    for n, span in enumerate(sentence_spans(text), start=1):
        sentence, gap = span.of(text), text[at : span.start]
        at = span.end
        if n % 9 == 0:
            continue
        if _NUMBER.search(sentence):
            n_numbers += 1
            if n_numbers % 7 == 0:
                sentence = _NUMBER.sub(lambda number: str(int(number[0]) + 1), sentence, count=1)
        parts.append(gap + sentence)
    return "".join(parts) + text[at:]


def _chunks(id_: str, text: str) -> list[Chunk]:
    document = parse_bytes(text.encode(), id=id_, extension=".md")
    spans = RecursiveChunker().split(document)
    return make_chunks(document, spans, "", "none")


if __name__ == "__main__":
    main()
