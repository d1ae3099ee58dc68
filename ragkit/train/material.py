"""From a collection and questions to lessons with passages: read, generate, part, mine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.errors import ConfigError
from ragkit.text.twins import Twins, copies
from ragkit.train.generate import generated
from ragkit.train.languages import check_languages, in_known_language, languages_of, learnt_languages
from ragkit.train.lessons import GIVEN, Lesson, lessons_of
from ragkit.train.mining import MinedLesson, Retrieve, mined
from ragkit.train.options import Teller, TrainOptions
from ragkit.train.passages import Passages
from ragkit.train.questions import read_questions
from ragkit.train.split import FEWEST, Split, split
from ragkit.types import Chunk

ENOUGH_GIVEN = 300
GENERATED = 2_000
FEW_GIVEN = 50


@dataclass(frozen=True, slots=True)
class Material:
    """What a training learns from and is judged by.

    Args:
        train, stop: lessons with their passages.
        parts: as the lessons were parted; those of the report have no passages yet.
        reported: passages of the documents that measure the result.
        counts: what there was of what, by name, for people.
        languages: that the result may claim to know.
    """

    train: tuple[MinedLesson, ...] = field(repr=False)
    stop: tuple[MinedLesson, ...] = field(repr=False)
    parts: Split = field(kw_only=True, repr=False)
    reported: Twins = field(kw_only=True, repr=False)
    counts: Mapping[str, int] = field(kw_only=True)
    languages: Sequence[str] = field(kw_only=True)

    def is_reported(self, chunk: Chunk) -> bool:
        """Whether a passage measures the result, or says nearly the same as one that does."""
        return chunk.document_id in self.parts.reported or self.reported.hold(chunk.search_text)


def gathered(
    options: TrainOptions,
    passages: Passages,
    retrieve: Retrieve,
    known: frozenset[str],
    *,
    model: str,
    teller: Teller,
    on_found: Callable[[Sequence[Chunk]], None] = lambda _: None,
) -> Material:
    """Reads, generates, parts and mines.

    Args:
        options: of the training.
        passages: of the collection.
        retrieve: its first stage.
        known: languages of the start model, empty for all.
        model: its name.
        teller: is told.
        on_found: told of the passages that the first stage finds for each question.

    Raises:
        EvalError: the question files are malformed, or name documents that the index does not have.
        ConfigError: there are too few questions, or the collection is in a language that the model lacks.
    """
    shares = languages_of(passages)
    if not options.any_language:
        share = check_languages(shares, known, model=model)
        if share < 0.95:
            teller.note(
                f"{1 - share:.0%} of the passages are in languages that {model} does not know: questions in "
                "them are left out, and it will not rank them"
            )
    lessons, n_unjudged = _lessons(options, passages, teller)
    usable = lessons if options.any_language else in_known_language(lessons, known)
    asked_about = sorted({document for lesson in usable for document in lesson.documents})
    parts = split(usable, seed=options.seed, copies=copies(asked_about, passages.of))
    held_out, reported = (
        Twins([chunk.search_text for one in sorted(documents) for chunk in passages.of(one)])
        for documents in (parts.held_out, parts.reported)
    )
    teller.phase("looking for passages that only seem right", len(parts.train) + len(parts.stop))
    train, stop = (
        tuple(
            mined(
                part,
                retrieve,
                passages_of=passages.of,
                avoid=avoided,
                avoid_twins=twins,
                on_found=on_found,
                on_each=teller.advance,
            )
        )
        for part, avoided, twins in (
            (parts.train, parts.held_out, held_out),
            (parts.stop, parts.reported, reported),
        )
    )
    if not train or not stop:
        raise ConfigError(
            "no question has passages that only seem right: the first stage finds nothing but answers. "
            "Ingest more documents: ragkit ingest docs/"
        )
    kinds = Counter(lesson.kind for lesson in lessons)
    return Material(
        train,
        stop,
        parts=parts,
        reported=reported,
        counts={
            "documents": len(passages.documents),
            "questions given": kinds[GIVEN] + n_unjudged,
            "questions generated": kinds.total() - kinds[GIVEN],
            "left out, no document is judged to answer them": n_unjudged,
            "left out, in a language the model does not know": len(lessons) - len(usable),
            "left out, nothing else found": len(parts.train) + len(parts.stop) - len(train) - len(stop),
            "learnt from": len(train),
            "to stop by": len(stop),
            "to report on": len(parts.report),
        },
        languages=learnt_languages(shares, known, any_language=options.any_language),
    )


def _lessons(options: TrainOptions, passages: Passages, teller: Teller) -> tuple[list[Lesson], int]:
    """Those given and those generated, and how many more the file has that nothing is judged to answer."""
    given, n_unjudged = list[Lesson](), 0
    if options.questions is not None:
        read = read_questions(options.questions, options.qrels)
        given, n_unjudged = lessons_of(read.asked, passages), len(read.unjudged)
        if n_unjudged:
            teller.note(
                f"{n_unjudged:,} questions are left out: no document is judged to answer them "
                f"(the first: {read.unjudged[0]!r})"
            )
        if len(given) < FEW_GIVEN:
            teller.note(
                f"{len(given)} questions are few: differences under about 0.1 will not show. Give hundreds"
            )
    wanted = options.generate
    if wanted is None:
        wanted = 0 if len(given) >= ENOUGH_GIVEN else GENERATED
    made = generated(passages, wanted, seed=options.seed) if wanted else []
    if wanted:
        teller.note(f"{len(made):,} questions were generated from the collection")
    if len(given) + len(made) < 3 * FEWEST:
        raise ConfigError(
            f"{len(given)} questions given and {len(made)} generated are too few to train on: at least "
            f"{3 * FEWEST} are needed, some hundreds are better. Give more with --questions, let more be "
            "generated with --generate 2000, or ingest more documents"
        )
    return [*given, *made], n_unjudged
