"""Whether the model that training starts from knows the languages of the collection and its questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ragkit.errors import ConfigError
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.train.lessons import Lesson
from ragkit.train.passages import Passages

_SAMPLED = 400
_COMMON = 0.1  # share of a language that the result can be said to know


def languages_of(passages: Passages) -> dict[str, float]:
    """The share of each language among the passages, of 400 documents at most; undetermined ones left out."""
    documents = passages.documents
    sampled = documents[:: max(1, len(documents) // _SAMPLED)]
    counts = Counter(
        chunk.lang for document in sampled for chunk in passages.of(document) if chunk.lang != UNDETERMINED
    )
    return {language: n / counts.total() for language, n in counts.most_common()}


def check_languages(shares: dict[str, float], known: frozenset[str], *, model: str) -> float:
    """The share of passages in languages that the model knows; an empty `known` means all.

    Raises:
        ConfigError: it is below a half.
    """
    share = sum(part for language, part in shares.items() if not known or language in known)
    if shares and share < 0.5:
        found = ", ".join(f"{language} {part:.0%}" for language, part in list(shares.items())[:4])
        raise ConfigError(
            f"the collection is in languages that {model} was not trained on: {found}; it knows "
            f"{', '.join(sorted(known))}. Start from a model that knows them with --from FOLDER, or go on "
            "all the same with --any-language: expect little"
        )
    return share if shares else 1.0


def in_known_language(lessons: Iterable[Lesson], known: frozenset[str]) -> list[Lesson]:
    """The lessons whose question is in a language that the model knows, or in none that can be told."""
    return [
        lesson
        for lesson in lessons
        if not known or detect_language(lesson.question) in known | {UNDETERMINED}
    ]


def learnt_languages(shares: dict[str, float], known: frozenset[str], *, any_language: bool) -> list[str]:
    """What the result's manifest says: the start's languages, or with `any_language` the collection's too."""
    if not known:
        return []
    added = {language for language, share in shares.items() if share >= _COMMON} if any_language else set()
    return sorted(known | added)
