"""Sentences that a person reworded freely from the example handbook, true ones and changed ones.

    python evals/citation_paraphrases.py

The other evaluation (`citation_checks.py`) stays close to the wording of its sources; this one does not. Each
line of `citation_paraphrases.jsonl` has a true sentence and a false one about a document. Both are given as
answers that point to the passage with the most words in common. `min_support` was chosen on them, and some
rules were mended by what they showed: this is no test on unseen sentences.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import ragkit
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Context, QueryPlan
from ragkit.verify.citations import VerifyCitations

HERE = Path(__file__).parent


@ragkit.stage("generate/none")
def no_answer(context: Context) -> Answer:
    """No answer: the context is what is wanted."""
    return Answer(context.plan, text="", context=context, abstained=True)


def main() -> None:
    """Prints what was dropped wrongly, what was let through, and the shares."""
    rows = [json.loads(line) for line in (HERE / "citation_paraphrases.jsonl").read_text().splitlines()]
    verify = VerifyCitations()
    graph = Bm25Retrieve(k=200) >> WeightedFuse(k=200) >> no_answer() >> verify
    counts: dict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ragkit.open(f"{folder}/i", graph=graph) as rag:
        rag.ingest(HERE.parent / "examples/corpus", progress=False)
        for row in rows:
            for key in ("faithful", "changed"):
                done = ask(rag, verify, row[key], row)
                kind = "true sentences dropped" if key == "faithful" else f"caught: {row['kind']}"
                counts[kind].append(not done.citations)
                if bool(done.citations) == (key == "changed"):
                    print(key, row["kind"], row[key], *(s.problems for s in done.dropped), sep=" | ")
                    print(*(f"    {c.marker} {c.support:.2f} {c.quote!r}" for c in done.citations), sep="\n")
    for kind, values in counts.items():
        print(f"{kind:<28} {sum(values)} of {len(values)}")


def ask(rag: ragkit.RAG, verify: VerifyCitations, sentence: str, row: dict[str, str]) -> Answer:
    """The answer that a sentence comes to, among four passages of its document and two of others."""
    about = row["faithful"]
    found = rag.ask(about).context
    assert found is not None
    own = [p for p in found.passages if (p.chunk.uri or "").endswith(row["document"])][:4]
    others = [p for p in found.passages if p not in own][:2]
    context = Context(found.plan, (*own, *others))
    shared = [len(_words(about) & _words(p.chunk.text)) for p in own]
    number = shared.index(max(shared)) + 1
    # The question of a user does not have the words of the answer.
    asked = replace(context, plan=QueryPlan.of("?"))
    given = Answer(asked.plan, text=f"{sentence[:-1]} [{number}].", context=asked)
    return verify.run(given, RunContext(NodeTrace("verify", "verify/citations")))


def _words(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"\w{3,}", text.lower())}


if __name__ == "__main__":
    main()
