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
import random
import zlib
from collections import defaultdict
from pathlib import Path

from citation_corruptions import KINDS, MISHAPS, Written, corrupted, faithful, mishap, names_in
from citation_rig import HANDBOOK, Rig, rig, wilson

import ragkit
from ragkit.types import Answer, Context

ROOT = Path(__file__).parent.parent
Counts = dict[str, list[bool]]
_PASSAGES = 6


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
    documents, questions = corpus(args.beir)
    with rig(documents, settings) as rigged:
        contexts = [
            Context(found.plan, found.passages[:_PASSAGES])
            for question in questions
            if zlib.crc32(question.encode()) % 2 == (args.split == "test")
            and (found := rigged.context(question)).passages
        ]
        report(contexts, rigged, args)


def corpus(beir: Path | None) -> tuple[Path | list[ragkit.Document], list[str]]:
    """The documents and the questions."""
    if beir is None:
        listed = (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
        return HANDBOOK, [json.loads(line)["text"] for line in listed]
    with (beir / "corpus.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:1500]
    documents = [ragkit.Document(r["_id"], f"{r.get('title', '')}\n\n{r['text']}") for r in rows]
    with (beir / "queries.jsonl").open(encoding="utf-8") as queries:
        return documents, [json.loads(line)["text"] for line in queries][:400]


def report(contexts: list[Context], rigged: Rig, args: argparse.Namespace) -> None:
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
            done = rigged.verified(context, written.text)
            judge(kind, written, done, context, rigged.rag, counts, args.show)
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


if __name__ == "__main__":
    main()
