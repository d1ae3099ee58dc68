"""How good is the short answer? Fits `ragkit/generate/spans.json`, and reports on other articles.

    python evals/answer_spans.py FOLDER_OF_DATASETS            measures what is shipped
    python evals/answer_spans.py FOLDER_OF_DATASETS --fit      fits it anew first, and writes the file

The reader is given the sentence that holds the answer, of SQuAD 2.0 (English) and XQuAD (Russian): what it
does on the sentence that was found is measured by the suites squad20-dev and xquad-dev. Articles, in
alphabetical order of all, go to the fit and to the report in turn, in both languages alike.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.layouts.layout import laid_out
from ragkit.evaluation.metrics.token_f1 import token_f1
from ragkit.evaluation.metrics.wording import words
from ragkit.evaluation.stats import mean_figure
from ragkit.generate import short
from ragkit.generate.kinds import kind_of
from ragkit.generate.span_clues import CLUES, GROUP_NAMES, GROUPS, Runs, runs_of
from ragkit.text.sentences import sentence_spans

SETS = ("squad20-dev", "xquad-dev/ru")
Floats = NDArray[np.float32]
HELD = 3e-6
STEPS, RATE = 250, 0.08


@dataclass(frozen=True, slots=True)
class Example:
    """A question, the sentence that answers it, and the answers that are accepted."""

    question: str
    sentence: str
    answers: tuple[str, ...]
    article: str


def main() -> None:
    """Fits where asked to, and prints exact match and F1 by language."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=3000, help="about how many of each language")
    parser.add_argument("--fit", action="store_true", help="fit, and write ragkit/generate/spans.json")
    args = parser.parse_args()
    data = {path: laid_out(load_dataset(args.folder / path), "squad") for path in SETS}
    titles = sorted({_article(row.id) for one in data.values() for row in one.corpus()})
    examples = {path: list(_examples(one, args.questions)) for path, one in data.items()}
    if args.fit:
        own = [e for found in examples.values() for e in found if e.article in titles[::2]]
        table = {
            "made by": "evals/answer_spans.py",
            "fitted on": f"{len(own)} questions of {', '.join(SETS)}",
        }
        text = json.dumps({**table, "weights": _fitted(own)}, indent=1, ensure_ascii=False)
        Path(str(files("ragkit.generate") / "spans.json")).write_text(text + "\n", encoding="utf-8")
        short._weights.cache_clear()
    for path, found in examples.items():
        for split, own_titles in (("fit", titles[::2]), ("report", titles[1::2])):
            _report(f"{path}, {split}", [e for e in found if e.article in own_titles])


def _examples(data: Dataset, n: int) -> Iterator[Example]:
    texts = {row.id: row.document().text for row in data.corpus()}
    for question in data.sample(n).questions.values():
        if not question.evidence or not question.answers:
            continue
        place = question.evidence[0]
        text = texts[place.document_id]
        for span in sentence_spans(text):
            if span.start <= place.span.start and place.span.end <= span.end:
                yield Example(question.text, span.of(text), question.answers, _article(place.document_id))


def _article(document_id: str) -> str:
    return re.sub(r"-x?\d+$", "", document_id)


def _fitted(examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Of the softmax over the runs of each sentence: the log of what falls on accepted answers, by Adam."""
    found: list[tuple[int, Runs, Floats]] = []
    for e in examples:
        kind = kind_of(e.question)
        runs = runs_of(e.sentence, e.question, kind)
        if runs.spans:
            found.append((GROUP_NAMES.index(GROUPS[kind]), runs, _aim(e, runs)))
    sizes = np.array([len(runs.spans) for _, runs, _ in found])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    owner = np.repeat(np.arange(len(found)), sizes)
    # Sorted by group, so that the rows of one are a slice.
    rows, aim = np.concatenate([r.rows for _, r, _ in found]), np.concatenate([a for _, _, a in found])
    groups = np.array([g for g, _, _ in found])[owner]
    own = {g: np.flatnonzero(groups == g) for g in range(1, len(GROUP_NAMES))}
    by_group = {g: rows[at] for g, at in own.items()}
    weights = np.zeros((len(GROUP_NAMES), len(CLUES)), dtype=np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        values = np.empty(len(rows), dtype=np.float32)
        for g, at in own.items():
            values[at] = by_group[g] @ (weights[0] + weights[g])
        odds = np.exp(values - np.maximum.reduceat(values, starts)[owner])
        pull = (odds / np.add.reduceat(odds, starts)[owner] - aim) / len(found)
        slope = np.zeros_like(weights)
        for g, at in own.items():
            slope[g] = by_group[g].T @ pull[at]
        slope[0] = slope[1:].sum(axis=0)
        slope += 2 * HELD * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-6)
    return {
        group: {clue: round(float(w), 3) for clue, w in zip(CLUES, row, strict=True) if abs(w) >= 0.0005}
        for group, row in zip(GROUP_NAMES, weights, strict=True)
    }


def _aim(example: Example, runs: Runs) -> Floats:
    """The runs that are accepted answers, in equal parts; where none is, the most alike ones."""
    accepted = [words(answer) for answer in example.answers]
    given = [words(span.of(example.sentence)) for span in runs.spans]
    f1 = np.array([max(token_f1(a, g) for a in accepted) for g in given], dtype=np.float32)
    best = (f1 == f1.max()).astype(np.float32)
    return np.asarray(best / best.sum(), dtype=np.float32)


def _report(name: str, examples: Sequence[Example]) -> None:
    if not examples:
        return
    exact, f1, whole, sure = [], [], [], []
    for e in examples:
        (reading,) = short.LinearReader().read(e.question, [e.sentence])
        accepted = [words(answer) for answer in e.answers]
        given = words(reading.spans[0].span.of(e.sentence)) if reading.spans else []
        exact.append(float(given in accepted))
        f1.append(max(token_f1(a, given) for a in accepted))
        whole.append(max(token_f1(a, words(e.sentence)) for a in accepted))
        sure.append(reading.spans[0].probability if reading.spans else 0.0)
    articles = [e.article for e in examples]
    print(f"{name}: {len(examples)} questions of {len(set(articles))} articles")
    for label, values in (("EM", exact), ("F1", f1), ("F1 of the whole sentence", whole)):
        print(f"  {label:<25} {mean_figure(np.array(values), clusters=articles)}")
    for least in (0.2, 0.3, 0.4, 0.5):
        own = np.array(sure) >= least
        if own.any():
            print(f"  at {least}: {own.mean():.2f} of the questions, EM {np.array(exact)[own].mean():.3f}, "
                  f"F1 {np.array(f1)[own].mean():.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
