"""Are follow-up questions found? The last turn alone, all turns joined, and `query/condense` without a model.

    python evals/conversations.py --data FOLDER_OF_DATASETS

The questions are last turns of conversations of MTRAG (mtrag-un-dev) with judged passages. The weights of
the stage were fitted on those about IBM Cloud; the other ones, about Wikipedia, are the test. The corpus
holds the reference passages of the conversations alone: figures are too good, differences are what counts.

What it costs where the subject changes is measured on questions of SQuAD 1.1 (squad11-dev), each after a
question and an answer about another article.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from query_rig import Index, Rewrite, compared, documents_of, indexed, measured, told

from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.manifest import load_manifest
from ragkit.query.condense import CondenseQuery
from ragkit.query.followup import leans
from ragkit.text.analyze import Analyzer
from ragkit.text.sentences import sentence_spans
from ragkit.types import Query, QueryPlan, Turn

METRICS = ("nDCG@10", "R@10")
HERE = Path(__file__).parent


def main() -> None:
    """Prints figures for the fitted half, the other half, and changes of subject."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of mtrag-un-dev and squad11-dev")
    parser.add_argument("--changes", type=int, default=300, help="questions after a change of subject")
    args = parser.parse_args()
    talks = load_manifest(HERE / "datasets" / "mtrag-un-dev.yaml", data=args.data)
    with indexed(documents_of(talks)) as index:
        for collection, what in (("ibmcloud", "fitted on"), ("clapnq", "test")):
            asked = [q for q in talks.judged.values() if q.metadata["collection"] == collection]
            table(index, talks, [q for q in asked if q.history], f"{what}, turns after the first")
    articles = load_dataset(args.data / "squad11-dev")
    with indexed(documents_of(articles)) as index:
        table(index, articles, changes(articles, args.changes), "after a change of subject")


def table(index: Index, data: Dataset, questions: Sequence[Question], what: str) -> None:
    """Figures of each way to search, and their differences from the last turn alone."""
    told(data, questions, what)
    terms = Analyzer().terms
    print(f"  {sum(leans(q.text, terms) for q in questions)} lean on what was said, by their words")
    ways: dict[str, Rewrite | None] = {
        "the last turn alone": None,
        "all questions joined": joined_questions,
        "all turns joined": joined_turns,
        "query/condense without llm": index.stage(CondenseQuery()),
    }
    values = {}
    for name, rewrite in ways.items():
        found = {q.id: index.ranked(q.text, q.history, rewrite) for q in questions}
        values[name] = measured(name, found, data, METRICS)
    for name in list(ways)[1:]:
        compared(f"{name} − alone", values["the last turn alone"], values[name])


def joined_questions(plan: QueryPlan) -> QueryPlan:
    """One query of all that the user said."""
    return searching(plan, [turn.text for turn in plan.history if turn.role == "user"])


def joined_turns(plan: QueryPlan) -> QueryPlan:
    """One query of all that was said."""
    return searching(plan, [turn.text for turn in plan.history])


def searching(plan: QueryPlan, before: Sequence[str]) -> QueryPlan:
    """The plan with one query of these texts and the question."""
    return replace(plan, queries=(Query("q", " ".join((*before, plan.question))),))


def changes(data: Dataset, n: int) -> list[Question]:
    """Questions with a turn about another article before them."""
    rng = random.Random(0)
    rows = {row.id: row for row in data.corpus()}
    questions = list(data.judged.values())
    gold = {q.id: rows[next(iter(data.qrels[q.id]))] for q in questions}
    made = []
    for question in rng.sample(questions, n):
        title = gold[question.id].title
        other = rng.choice([q for q in questions if gold[q.id].title != title])
        text = gold[other.id].document().text
        sentences = [span.of(text) for span in sentence_spans(text)]
        answer = next((s for s in sentences if any(a in s for a in other.answers)), sentences[0])
        made.append(replace(question, history=(Turn("user", other.text), Turn("assistant", answer))))
    return made


if __name__ == "__main__":
    main()
