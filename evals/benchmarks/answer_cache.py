"""What an answer that was kept costs beside one that is made, and what a cache costs a question that misses.

    OMP_NUM_THREADS=1 python evals/benchmarks/answer_cache.py

Asks the English questions about the example handbook: without a cache, by the very question, in another
wording (`Please, …`), and with a cache that holds nothing. No language model is asked, so a run is as
cheap as it gets: with one, it takes as long as the model writes. Passages and questions were read before
in all ways, as in a process that runs for a while. Prints medians of processor time over rounds, and of
each ratio to a run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import ragkit

sys.path.append(str(Path(__file__).parent))
from interleaved import in_turns

EXAMPLES = Path(__file__).parents[2] / "examples"
BOTH = {"cache": {"result": {}, "semantic": {}}}


def main() -> None:
    """Prints one line per way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    lines = (EXAMPLES / "questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [q["text"] for q in map(json.loads, lines) if q["metadata"]["lang"] == "en"]
    with tempfile.TemporaryDirectory() as index:
        with ragkit.open(index) as rag:
            rag.ingest(EXAMPLES / "corpus", progress=False)
        with (
            ragkit.open(index) as plain,
            ragkit.open(index, set=BOTH) as kept,
            ragkit.open(index, set=BOTH) as empty,
        ):

            def missed(question: str) -> None:
                empty._parts.answers.clear()
                empty.ask(question)

            for question in questions:
                kept.ask(question)
            asked = [q for q in questions if kept.ask(please(q)).cached == "semantic"]
            # Kept under its own wording too, it would be no other wording any more.
            ways = {
                "a run": plain.ask,
                "by the very question": kept.ask,
                "by another wording": lambda question: kept.ask(please(question)),
                "a miss and the keeping": missed,
            }
            timings = in_turns(ways, asked, args.rounds)
    print(f"{len(asked)} of {len(questions)} questions, {args.rounds} rounds")
    for name in ways:
        ratio = timings.ratio(name, "a run")
        print(
            f"{name:<24}{timings.ms(name):8.3f} ms   {ratio['median']:6.3f} of a run "
            f"[{ratio['least']:.3f}, {ratio['greatest']:.3f}]"
        )


def please(question: str) -> str:
    """Another wording of a question."""
    return f"Please, {question[0].lower()}{question[1:]}"


if __name__ == "__main__":
    main()
