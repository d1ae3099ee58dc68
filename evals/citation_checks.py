"""How many answers of a model that misbehaves are caught, and how many faithful sentences are spoilt.

    python evals/citation_checks.py                      the example handbook, English and Russian
    python evals/citation_checks.py --beir DATA/squad11-dev
    python evals/citation_checks.py --split fit          the half that settings may be fitted on

A scripted model sends what `citation_corruptions` writes from the passages that are retrieved for a question:
answers with one thing wrong, mishaps, cut streams, and JSON; `generate/cited` or `generate/structured` and
`verify/citations` make of it what an application shows. Questions are split
in two by a hash of their text: look at failures (`--show`) and fit settings on `fit` alone, report `test`.
Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import html
import json
import random
import re
import zlib
from collections import defaultdict
from pathlib import Path

from citation_corruptions import (
    CUT,
    JSON_MISHAPS,
    KINDS,
    MISHAPS,
    SCHEMA,
    Sent,
    corrupted,
    cut_stream,
    faithful,
    json_reply,
    mishap,
    names_in,
)
from citation_rig import HANDBOOK, Rig, rig, wilson
from citation_scripted import Machine
from citation_verdicts import verdicts

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
    names = names_in([p.chunk.text for context in contexts for p in context.passages])
    machine = Machine.of(rigged.resources, rigged.verify, SCHEMA)
    counts: Counts = defaultdict(list)
    n_answers = 0
    for kind in ("faithful", *KINDS, *MISHAPS, *CUT, *JSON_MISHAPS):
        wanted, tries = (4 * args.answers if kind == "faithful" else args.answers), 0
        while wanted and tries < 40 * args.answers:
            tries += 1
            context = rng.choice(contexts)
            sent = make(kind, [p.chunk.text for p in context.passages], names, rng)
            if sent is None:
                continue
            wanted -= 1
            n_answers += 1
            done = machine.answer(context, sent, is_json=kind in JSON_MISHAPS)
            for name, is_so in verdicts(kind, sent, done, context):
                counts[name].append(is_so)
                is_wrong = is_so == ("dropped" in name)
                if is_wrong and counts[name].count(is_so) <= args.show:
                    print(f"{name}: {is_so}", repr(sent.text), repr(done), sep="\n   ")
            if isinstance(done, Answer):
                for c in done.citations:
                    source = rigged.rag.source(c.document_id)
                    counts["span valid"].append(bool(c.quote) and source[c.start : c.end] == c.quote)
                    counts["span in the file"].append(_is_in_file(c.quote, c.uri, args.beir is None))
    print(f"{args.split} half, {len(contexts)} questions, seed {args.seed}, {n_answers} answers")
    for kind, values in counts.items():
        low, high = wilson(sum(values), len(values))
        print(f"  {kind:<46} {sum(values) / len(values):.3f} [{low:.3f}, {high:.3f}] n={len(values)}")


def make(kind: str, passages: list[str], names: list[str], rng: random.Random) -> Sent | None:
    """What the model sends."""
    if kind in JSON_MISHAPS:
        return json_reply(kind, passages, rng)
    if kind in CUT:
        return cut_stream(kind, passages, rng)
    if kind == "faithful":
        written = faithful(passages, rng)
    elif kind in MISHAPS:
        written = mishap(kind, passages, rng)
    else:
        written = corrupted(kind, passages, names, rng)
    return None if written is None else Sent(written.text, "stop", written)


def _is_in_file(quote: str, uri: str | None, is_handbook: bool) -> bool:
    """Whether the file, read by ourselves, has each word of a quote; tables are told cell by cell."""
    if not is_handbook or uri is None:
        return True
    if uri not in _FILES:
        raw = html.unescape((HANDBOOK.parent / uri).read_text(encoding="utf-8"))
        _FILES[uri] = frozenset(re.findall(r"\w+", raw.replace("\u00ad", "")))
    return set(re.findall(r"\w+", quote)) <= _FILES[uri]


_FILES: dict[str, frozenset[str]] = {}


if __name__ == "__main__":
    main()
