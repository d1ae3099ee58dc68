"""Sentences that a person reworded freely from the example handbook, true ones and changed ones.

    python evals/citation_paraphrases.py                          the half that is reported
    python evals/citation_paraphrases.py --split fit --show       the half that rules and thresholds come from

The other evaluation (`citation_checks.py`) stays close to the wording of its sources; this one does not. Each
line of `citation_paraphrases.jsonl` has a true sentence and a false one, and some words of the source that
the true one rests on. Both are given as answers that point to the passage with these words, among three more
of the document and two of others. The two halves are about different documents. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from citation_rig import HANDBOOK, Rig, rig, wilson

from ragkit.types import Answer, Context

HERE = Path(__file__).parent


def main() -> None:
    """Prints the shares that were lost and caught, and with `--show` each error."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--split", choices=["fit", "test"], default="test")
    parser.add_argument("--show", action="store_true", help="print what was judged wrongly")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of verify/citations"
    )
    args = parser.parse_args()
    settings = {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in args.set)}
    lines = (HERE / "citation_paraphrases.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] == args.split]
    counts: dict[str, list[bool]] = defaultdict(list)
    with rig(HANDBOOK, settings) as rigged:
        for row in rows:
            for key in ("faithful", "changed"):
                done = ask(rigged, row[key], row)
                for kind in _kinds(key, row):
                    counts[kind].append(not done.citations)
                if args.show and bool(done.citations) == (key == "changed"):
                    print(key, row["kind"], row[key], *(s.problems for s in done.dropped), sep=" | ")
                    print(*(f"    {c.marker} {c.support:.2f} {c.quote!r}" for c in done.citations), sep="\n")
    print(f"{args.split} half: {len(rows)} true sentences and {len(rows)} changed ones")
    for kind in sorted(counts, key=lambda kind: (not kind.startswith("true"), kind)):
        k, n = sum(counts[kind]), len(counts[kind])
        low, high = wilson(k, n)
        print(f"  {kind:<36} {k:>3} of {n:<3} {k / n:.3f} [{low:.3f}, {high:.3f}]")


def _kinds(key: str, row: dict[str, str]) -> list[str]:
    language = row["document"][:2]
    if key == "faithful":
        return ["true sentences lost", f"true sentences lost, {language}"]
    return ["changed, caught", f"changed, caught, {language}", f"changed, caught: {row['kind']}"]


def ask(rigged: Rig, sentence: str, row: dict[str, str]) -> Answer:
    """The answer that a sentence comes to, in the context of its row."""
    context, number = context_of(rigged, row)
    return rigged.verified(context, f"{sentence[:-1]} [{number}].")


def context_of(rigged: Rig, row: dict[str, str]) -> tuple[Context, int]:
    """Four passages of a row's document and two of others, and the number of the one that is its source."""
    found = rigged.context(f"{row['faithful']} {row['source']}")
    own = [p for p in found.passages if (p.chunk.uri or "").endswith(row["document"])]
    named = next((p for p in own if _plain(row["source"]) in _plain(p.chunk.text)), None)
    if named is None:
        raise SystemExit(f"citation_paraphrases.jsonl: no passage of {row['document']} has {row['source']!r}")
    others = [p for p in found.passages if p not in own]
    own = [p for p in own if p is not named][:3]
    # The question of a user does not have the words of the answer.
    plan = replace(found.plan, question="?", queries=())
    return Context(plan, (*own, named, *others[:2])), len(own) + 1


def _plain(text: str) -> str:
    return "".join(re.findall(r"\w", text.casefold()))


if __name__ == "__main__":
    main()
