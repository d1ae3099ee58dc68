"""What a made set is, for its README and for the terminal."""

from __future__ import annotations

from collections import Counter

from ragkit.evaluation.questions.make import MadeQuestion, MadeSet

MEANINGS = {
    "faq": "a heading that is a question, answered by what follows it",
    "howto": "a heading that tells what to do, asked for as how to do it; its section proves it",
    "number": "a sentence with a number, turned into a question",
    "date": "a sentence with a date, turned into a question",
    "version": "a sentence with a version, turned into a question",
    "definition": "what something is, or what a term means",
    "table": "a cell of a table, asked for by its row and column",
    "cloze": "a sentence with its number left out",
    "heading": "a heading, as one would search for it",
    "keywords": "telling words of a sentence, as one would search for it",
    "llm": "written by a language model for a passage, its answer found in that passage",
}

_README = """# {name}

{n} questions made from {documents} documents ({languages}) by rules{llm}, not asked by people.
Made with: `{how}`

| Kind | dev | test | What it is |
| --- | --- | --- | --- |
{rows}

- `questions.jsonl`: text, accepted answers, the place that proves them (characters of the parsed text, which
  `ragkit source` shows), whether it can be answered.
- `dev.yaml`, `test.yaml`: the two parts as datasets of a suite. No document is asked about in both. Tune on
  dev, report test.
- `qrels/`: the same judgements by document, for other tools.

## What it is good for, and what not

- It shows regressions, and which kind of question a pipeline loses. It does not say how satisfied people will
  be: replace it by questions that people asked as soon as there are some.
- The words of a question stand in its document, so it flatters search by words: BM25 alone finds the right
  document first for {first:.0%} of the questions. `keywords` are kept only where BM25 likes no other
  document nearly as much.
- One document is judged for each question. Questions that another document in the same language answers as
  well were left out as far as words can tell; a translation of a document is not seen.
- {unanswerable}
- Look at it before you trust it, and delete lines that you would not ask.
"""
_HELD = (
    "{n} of the questions cannot be answered: their documents do not belong to the corpus of this set\n"
    "  (`without` in the manifests: {held}). Of an index that holds them they are answerable."
)
_NONE_HELD = "Every question can be answered: there were too few documents to leave some out."


def description(made: MadeSet, name: str, how: str) -> str:
    """The README of a set."""
    refused = [one for one in made.questions if not one.is_answerable]
    held = ", ".join(made.held_out[:6]) + (" …" if len(made.held_out) > 6 else "")
    return _README.format(
        name=name,
        n=len(made.questions),
        documents=sum(made.languages.values()),
        languages=", ".join(f"{language} {n}" for language, n in made.languages.items()),
        llm=" and a language model" if "llm" in made.kinds else "",
        how=how or "ragkit questions",
        rows="\n".join(f"| {kind} | {dev} | {test} | {what} |" for kind, dev, test, what in counts(made)),
        first=made.bm25_first,
        unanswerable=_HELD.format(n=len(refused), held=held) if refused else _NONE_HELD,
    )


def counts(made: MadeSet) -> list[tuple[str, int, int, str]]:
    """Kind, questions in dev and in test, and what it is; unanswerable ones last."""
    tally = Counter((_kind(one), one.split) for one in made.questions)
    kinds = [kind for kind in (*MEANINGS, "unanswerable") if tally[kind, "dev"] + tally[kind, "test"]]
    meanings = {**MEANINGS, "unanswerable": "one of the above, its document left out of the set"}
    return [(kind, tally[kind, "dev"], tally[kind, "test"], meanings[kind]) for kind in kinds]


def sample(made: MadeSet, n: int) -> list[MadeQuestion]:
    """About `n` questions to look at, of each kind in turn."""
    by_kind: dict[str, list[MadeQuestion]] = {}
    for one in made.questions:
        by_kind.setdefault(_kind(one), []).append(one)
    turns = max((len(some) for some in by_kind.values()), default=0)
    return [some[turn] for turn in range(turns) for some in by_kind.values() if turn < len(some)][:n]


def _kind(one: MadeQuestion) -> str:
    return one.draft.kind if one.is_answerable else "unanswerable"
