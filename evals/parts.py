"""Do the parts of a question, found by rules, help to find all the evidence? And are kinds of questions told?

    python evals/parts.py --data FOLDER_OF_DATASETS

`query/decompose` and `query/classify` without a model. Their rules were written on 2wiki-train-500 and, for
what is no question of several parts, on 500 questions of squad11-dev; hotpotqa-200 and 1,000 other questions
of squad11-dev are the test. `all@10` is whether every document of the evidence is among the first ten.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from query_rig import compared, documents_of, indexed, measured, told

from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.stats import mean_figure
from ragkit.query.decompose import DecomposeQuery
from ragkit.query.intents import intent_of
from ragkit.query.parts import parts_of
from ragkit.text.analyze import Analyzer

METRICS = ("nDCG@10", "R@10", "all@10")
HERE = Path(__file__).parent


def main() -> None:
    """Prints how often the rules are right, and what parts change in retrieval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--kinds-only", action="store_true", help="leave the retrieval out; takes seconds")
    args = parser.parse_args()
    hops = {
        name: load_manifest(HERE / "datasets" / f"{name}.yaml", data=args.data)
        for name in ("2wiki-train-500", "hotpotqa-200")
    }
    squad = load_dataset(args.data / "squad11-dev")
    single = random.Random(0).sample(list(squad.judged.values()), 1500)
    for data in hops.values():
        kinds(list(data.judged.values()), data, "questions of several hops")
    kinds(single[:500], squad, "single questions, fitted on")
    kinds(single[500:], squad, "single questions, test")
    if not args.kinds_only:
        for data in hops.values():
            retrieval(data)


def kinds(questions: Sequence[Question], data: Dataset, what: str) -> None:
    """How many are taken for what."""
    terms = Analyzer().terms
    told(data, questions, what)
    found = [intent_of(question.text, terms) for question in questions]
    print(f"  {dict(Counter(found))}")
    print(f"  taken for multi_hop {mean_figure([float(kind == 'multi_hop') for kind in found])}")
    print(f"  parts {dict(Counter(parts_of(question.text, terms).kind for question in questions))}")


def retrieval(data: Dataset) -> None:
    """What the parts change, over all questions and over those that have some."""
    questions = list(data.judged.values())
    terms = Analyzer().terms
    with indexed(documents_of(data)) as index:
        rewrite = index.stage(DecomposeQuery())
        whole = {q.id: index.ranked(q.text) for q in questions}
        parted = {q.id: index.ranked(q.text, (), rewrite) for q in questions}
    some = [q.id for q in questions if len(parts_of(q.text, terms).texts) > 1]
    for what, ids in (("all questions", list(whole)), ("questions with parts", some)):
        told(data, [data.judged[id_] for id_ in ids], what)
        before = measured("whole", {id_: whole[id_] for id_ in ids}, data, METRICS)
        after = measured("query/decompose without llm", {id_: parted[id_] for id_ in ids}, data, METRICS)
        compared("difference", before, after)


if __name__ == "__main__":
    main()
