"""How many corrupted answers `verify/citations` catches, and how many faithful ones it spoils.

    python evals/citation_checks.py                      the example handbook, English and Russian
    python evals/citation_checks.py --beir DATA/squad11-dev
    python evals/citation_checks.py --split fit          the half that settings may be fitted on

Answers are written by `citation_corruptions.py` from what is retrieved for each question. Questions are split
in two by a hash of their text: look at failures (`--show`) and fit settings on `fit` alone, report `test`.
Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

from citation_corruptions import KINDS, MISHAPS, Written, corrupted, faithful, mishap, names_in

import ragkit
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Context
from ragkit.verify.citations import VerifyCitations

ROOT = Path(__file__).parent.parent
Counts = dict[str, list[bool]]


@ragkit.stage("generate/kept")
def kept_context(context: Context) -> Answer:
    """No answer: the context is what is wanted."""
    return Answer(context.plan, text="", context=Context(context.plan, context.passages[:6]), abstained=True)


def main() -> None:
    """Prints a line for each kind of corruption."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beir", type=Path, help="a data set with corpus.jsonl and queries.jsonl instead")
    parser.add_argument("--split", choices=["fit", "test"], default="test")
    parser.add_argument("--answers", type=int, default=120, help="of each kind, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="failures to print of each kind")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of verify/citations"
    )
    args = parser.parse_args()
    settings = {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in args.set)}
    verify = VerifyCitations(**settings)
    with tempfile.TemporaryDirectory() as folder:
        graph = Bm25Retrieve() >> WeightedFuse() >> kept_context() >> verify
        with ragkit.open(f"{folder}/index", graph=graph) as rag:
            questions = ingested(rag, args.beir)
            contexts = [
                context
                for question in questions
                if zlib.crc32(question.encode()) % 2 == (args.split == "test")
                and (context := rag.ask(question).context) is not None
                and context.passages
            ]
            report(contexts, verify, rag, args)


def ingested(rag: ragkit.RAG, beir: Path | None) -> list[str]:
    """Fills the index; gives the questions."""
    if beir is None:
        rag.ingest(ROOT / "examples/corpus", progress=False)
        listed = (ROOT / "examples/questions/questions.jsonl").read_text().splitlines()
        return [json.loads(line)["text"] for line in listed]
    with (beir / "corpus.jsonl").open() as corpus:
        rows = [json.loads(line) for line in corpus][:1500]
    rag.ingest(
        [ragkit.Document(r["_id"], f"{r.get('title', '')}\n\n{r['text']}") for r in rows], progress=False
    )
    with (beir / "queries.jsonl").open() as queries:
        return [json.loads(line)["text"] for line in queries][:400]


def report(
    contexts: list[Context], verify: VerifyCitations, rag: ragkit.RAG, args: argparse.Namespace
) -> None:
    """Runs the answers through and prints what came of them."""
    rng = random.Random(args.seed)
    texts = [p.chunk.text for context in contexts for p in context.passages]
    names = names_in(texts)
    counts: Counts = defaultdict(list)
    n_answers = 0
    for kind in ("faithful", *KINDS, *MISHAPS):
        wanted, tries = (4 * args.answers if kind == "faithful" else args.answers), 0
        while wanted and tries < 40 * args.answers:
            tries += 1
            context = rng.choice(contexts)
            passages = [p.chunk.text for p in context.passages]
            written = make(kind, passages, names, rng)
            if written is None:
                continue
            wanted -= 1
            n_answers += 1
            given = Answer(context.plan, text=written.text, context=context, generator="generate/cited")
            done = verify.run(given, RunContext(NodeTrace("verify", "verify/citations")))
            judge(kind, written, done, context, rag, counts, args.show)
    print(f"{args.split} half, {len(contexts)} questions, seed {args.seed}, {n_answers} answers")
    for kind, values in counts.items():
        low, high = wilson(sum(values), len(values))
        print(f"  {kind:<46} {sum(values) / len(values):.3f} [{low:.3f}, {high:.3f}] n={len(values)}")


def make(kind: str, passages: list[str], names: list[str], rng: random.Random) -> Written | None:
    """An answer of the kind."""
    if kind == "faithful":
        return faithful(passages, rng)
    return mishap(kind, passages, rng) if kind in MISHAPS else corrupted(kind, passages, names, rng)


def judge(
    kind: str, written: Written, done: Answer, context: Context, rag: ragkit.RAG, counts: Counts, show: int
) -> None:
    """Adds to the counts what is to be said of one answer."""
    for c in done.citations:
        counts["span valid"].append(rag.source(c.document_id)[c.start : c.end] == c.quote and bool(c.quote))
    if kind == "faithful":
        for sentence, _ in written.sentences:
            dropped = _find(sentence, [s.text for s in done.sentences if s.citations]) is None
            counts["faithful sentences dropped"].append(dropped)
            if dropped and sum(counts["faithful sentences dropped"]) <= show:
                print("DROPPED", written.text, [(s.text, s.problems) for s in done.dropped], sep="\n   ")
    elif kind in MISHAPS:
        ok = {
            "truncated": not done.sentences or all(s.citations for s in done.sentences),
            "repeated": len(done.sentences) <= len(written.sentences),
            "empty": done.abstained,
            "refusal": done.abstained and done.reason == "no_evidence",
            "markers only": done.abstained,
        }[kind]
        counts[f"{kind}: as documented"].append(ok)
        if not ok and counts[f"{kind}: as documented"].count(False) <= show:
            print("MISHAP", kind, repr(written.text), repr(done.text), done.reason, sep="\n   ")
    else:
        sentence, _ = written.sentences[written.corrupted]
        shown = _find(sentence, [s.text for s in done.sentences if s.citations])
        if kind.startswith("index"):
            cited = [c for s in done.sentences for c in s.citations if _find(sentence, [s.text]) is not None]
            wrong = context.passages[written.wrong - 1].chunk.id if written.wrong else ""
            caught = (
                not any(c.chunk_id == wrong for c in cited) if wrong else all(c.marker <= 6 for c in cited)
            )
        else:
            caught = shown is None
        counts[f"caught: {kind}"].append(caught)
        if not caught and counts[f"caught: {kind}"].count(False) <= show:
            print("MISSED", kind, sentence, [c.quote for c in done.citations], sep="\n   ")
        for i, (other, _) in enumerate(written.sentences):
            if i != written.corrupted:
                found = _find(other, [s.text for s in done.sentences if s.citations]) is None
                counts["faithful sentences beside dropped"].append(found)


def _find(sentence: str, texts: list[str]) -> str | None:
    wanted = _plain(sentence)
    return next((text for text in texts if wanted in _plain(text)), None)


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z = 1.96
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


if __name__ == "__main__":
    main()
