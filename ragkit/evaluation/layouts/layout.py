"""What a layout is: a function from a question as it was read to one with what its metadata says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.rows import Problems, shortened
from ragkit.evaluation.texts import CorpusTexts
from ragkit.types import Span


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a layout may look up.

    Args:
        grades: of the question, by document id.
        starts: where a row's `text` begins in its document's text, behind the title, by document id.
        texts: the documents' texts.

    >>> from ragkit.evaluation.texts import HeldTexts
    >>> around = Surroundings(grades={}, starts={"d1": 7}, texts=HeldTexts({"d1": "Title.\\n\\nOne."}))
    >>> around.span("d1", 0, 3)
    Span(start=7, end=10)
    """

    grades: Mapping[str, int] = field(kw_only=True)
    starts: Mapping[str, int] = field(kw_only=True, repr=False)
    texts: CorpusTexts = field(kw_only=True, repr=False)

    def span(self, document_id: str, start: int, end: int, *, says: str | None = None) -> Span:
        """Characters of a row's `text` as characters of its document.

        Args:
            document_id: the document.
            start, end: in the row's `text`.
            says: what must stand there, where that is known.

        Raises:
            EvalError: there is no such document, or something else stands there.
        """
        if document_id not in self.starts:
            raise EvalError(f"evidence in {document_id!r}, which is not in the corpus")
        span = Span(start, end).shift(self.starts[document_id])
        stands = span.of(self.texts.document(document_id) or "") if says is not None else None
        if stands != says:
            raise EvalError(
                f"in {document_id!r} at {start} stands {shortened(stands)}, not {shortened(says)}"
            )
        return span


Layout = Callable[[Question, Surroundings], Question]

LAYOUTS: Mapping[str, tuple[str, str]] = {
    "plain": ("", "as ragkit writes them: evidence, answerable, history"),
    "squad": ("ragkit.evaluation.layouts.squad:read", "doc_id and answer_spans; SQuAD, XQuAD"),
    "supporting-facts": (
        "ragkit.evaluation.layouts.supporting_facts:read",
        "evidence by sentences, all needed; HotpotQA, 2WikiMultiHopQA",
    ),
    "scifact": ("ragkit.evaluation.layouts.scifact:read", "rationales, each alone enough; SciFact"),
    "tatqa": ("ragkit.evaluation.layouts.tatqa:read", "answers of several parts with a scale; TAT-QA"),
    "mtrag": ("ragkit.evaluation.layouts.mtrag:read", "conversations with answerability; MTRAG"),
}
"""Short name → where it is, and what it is for."""


def check_layout(name: str, where: str) -> None:
    """Refuses a name that no layout has.

    Raises:
        EvalError: it is none.
    """
    if name not in LAYOUTS:
        raise EvalError(
            f"{where}: layout: {name!r} is none.{did_you_mean(name, LAYOUTS)} There are: {', '.join(LAYOUTS)}"
        )


def laid_out(data: Dataset, name: str) -> Dataset:
    """The dataset with its questions read by a layout.

    Raises:
        EvalError: there is no such layout, or questions are not in it: all of them.
    """
    check_layout(name, data.name)
    target = LAYOUTS[name][0]
    if not target:
        return data
    module, _, function = target.partition(":")
    read = cast(Layout, getattr(importlib.import_module(module), function))
    starts = {row.id: row.text_start for row in data.corpus()}
    problems, questions = Problems(), dict[str, Question]()
    for id_, question in data.questions.items():
        around = Surroundings(grades=data.qrels.get(id_, {}), starts=starts, texts=data.texts())
        with problems.gathered():
            try:
                questions[id_] = read(question, around)
            except (EvalError, KeyError, TypeError, ValueError, AttributeError) as e:
                reason = f"no {e} in it" if isinstance(e, KeyError) else e
                raise EvalError(f"{data.name}: query {id_!r} is not in the layout {name!r}: {reason}") from e
    problems.settle()
    return replace(data, questions=questions)
