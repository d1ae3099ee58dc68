"""What becomes of an answer some of whose sentences are refused after they were cited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ragkit.text.language import detect_language
from ragkit.text.wording import abstention
from ragkit.types import AbstainReason, Answer, Citation, Correction, Sentence

Policy = Literal["drop", "flag", "regenerate", "abstain"]


def settled(answer: Answer, refused: Mapping[int, str], policy: Policy) -> Answer:
    """The answer with its refused sentences treated by the policy.

    Args:
        answer: with its sentences.
        refused: why, by the `id` of the sentence: two sentences may be equal.
        policy: `drop` and `regenerate` take them out (the latter with a `correction`), `flag` takes their
            citations, `abstain` refuses all.
    """
    if not refused:
        return answer
    kept: list[Sentence] = []
    dropped: list[Sentence] = []
    text: str | None = answer.text
    for sentence in answer.sentences:
        why = refused.get(id(sentence))
        if why is None:
            kept.append(sentence)
            continue
        bare = replace(sentence, citations=(), problems=(*sentence.problems, why))
        (kept if policy == "flag" else dropped).append(bare)
        text = _without(text, sentence, sentence.text if policy == "flag" else "")
    correction = Correction(answer.text, refused=tuple(dropped)) if policy == "regenerate" else None
    if policy == "abstain" or (policy != "flag" and not any(s.citations for s in kept)):
        return replace(abstained(answer, "unsupported", dropped), correction=correction)
    if text is None:
        text = " ".join(sentence.marked for sentence in kept)
    return answer.with_(
        text=text.strip(),
        sentences=tuple(kept),
        dropped=(*answer.dropped, *dropped),
        correction=correction,
        short=borne(answer.short, kept),
    )


def abstained(answer: Answer, reason: AbstainReason, dropped: list[Sentence]) -> Answer:
    """An abstention in the answer's place."""
    return answer.with_(
        text=abstention(reason, detect_language(answer.question)),
        sentences=(),
        abstained=True,
        reason=reason,
        dropped=(*answer.dropped, *dropped),
        short=None,
    )


def borne(short: Citation | None, sentences: Sequence[Sentence]) -> Citation | None:
    """A short answer, where it lies within a citation that is left; else None."""
    cited = (citation for sentence in sentences for citation in sentence.citations)
    return (
        short
        if short is not None
        and any(c.chunk_id == short.chunk_id and c.start <= short.start and short.end <= c.end for c in cited)
        else None
    )


def _without(text: str | None, sentence: Sentence, instead: str) -> str | None:
    """The text with a sentence taken out; None where it does not stand there as it is."""
    if text is None or text.count(sentence.marked) != 1:
        return None
    before, _, after = text.partition(sentence.marked)
    return before + instead + after if instead else before.rstrip(" ") + after
