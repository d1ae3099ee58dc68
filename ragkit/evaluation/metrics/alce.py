"""Citation recall and precision in the definition of ALCE.

Gao, Yen, Yu and Chen, "Enabling Large Language Models to Generate Text with Citations", EMNLP 2023, section 4
(and `compute_autoais` of its eval.py, github.com/princeton-nlp/ALCE, where the paper leaves a choice open):

- *recall* of a sentence is 1 where it cites at least one passage and all that it cites, put together, bear
  it out. One reference to a passage that does not exist makes it 0.
- *precision* of a citation is 1 where its sentence has recall 1 and the citation is not irrelevant. It is
  irrelevant where its passage alone does not bear the sentence out while the others without it do.
- Recall is the mean over sentences; precision is the mean over citations, 0 where there is none. The
  citations of a sentence that refers to a passage that does not exist are in no mean.

Two deviations from eval.py: `[0]` counts as a passage that does not exist, where eval.py takes it for the
last one, by the way Python counts; and all citations of a sentence count, where eval.py looks at the first
three unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.evaluation.metrics.support import Supports


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence without its markers, and the text of each passage that it cites; None for one that does
    not exist.

    >>> CitedSentence("It lasts two years.", passages=("The warranty lasts two years.",)).passages[0]
    'The warranty lasts two years.'
    """

    text: str
    passages: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class CitationScores:
    """What `alce` gives for one reply, both from 0 to 1."""

    recall: float
    precision: float


def alce(sentences: Sequence[CitedSentence], supports: Supports) -> CitationScores | None:
    """Citation recall and precision of a reply; None where it has no sentence.

    Args:
        sentences: of the reply, in order.
        supports: whether a premise bears out a claim. The texts of several passages are joined by line
            breaks.

    >>> scores = alce([CitedSentence("It is red.", ("It is red.", "It is big."))], lambda p, c: c in p)
    >>> scores.recall, scores.precision
    (1.0, 0.5)
    """
    if not sentences:
        return None
    n_recalled = n_precise = n_citations = 0
    for sentence in sentences:
        passages = [passage for passage in sentence.passages if passage is not None]
        if not passages or len(passages) < len(sentence.passages):
            continue
        n_citations += len(passages)
        if supports("\n".join(passages), sentence.text):
            n_recalled += 1
            n_precise += sum(_is_relevant(passages, i, sentence.text, supports) for i in range(len(passages)))
    precision = n_precise / n_citations if n_citations else 0.0
    return CitationScores(n_recalled / len(sentences), precision)


def _is_relevant(passages: Sequence[str], i: int, claim: str, supports: Supports) -> bool:
    """Whether a citation of a sentence that is borne out carries weight."""
    if len(passages) == 1 or supports(passages[i], claim):
        return True
    return not supports("\n".join((*passages[:i], *passages[i + 1 :])), claim)
