"""The result of a training: the model's file, tested, its gain, measured, and all of it put in its place."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.app import RAG
from ragkit.errors import ModelError
from ragkit.models.bundled_reranker import BUNDLED_RERANKER, BundledReranker
from ragkit.models.late_reranker import LateReranker
from ragkit.models.manifest import MANIFEST
from ragkit.models.reranker_folder import open_reranker
from ragkit.protocols import Reranker
from ragkit.rerank.blend import Blend
from ragkit.train.card import OWN, Account
from ragkit.train.gain import Gain, measured
from ragkit.train.kept import KeptReranker, KeptTexts
from ragkit.train.lessons import GIVEN, Lesson
from ragkit.train.material import Material
from ragkit.train.mining import CANDIDATES, Retrieve
from ragkit.train.options import Teller, TrainOptions
from ragkit.train.passages import Passages
from ragkit.train.place import RESULT, take_place
from ragkit.train.split import FEWEST
from ragkit.train.start import StartModel
from ragkit.train.trial import fill_trial, trial_config, trial_lessons
from ragkit.train.weighing import USUAL, weighed
from ragkit.types import Hit


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found on the questions of the report.

    Args:
        gains: at least one.
        left_out: how many of these questions are in none of the gains, by the reason.
    """

    gains: tuple[Gain, ...]
    left_out: Mapping[str, int] = field(kw_only=True)

    @property
    def counts(self) -> dict[str, int]:
        """For people: how many questions each gain is measured on, and how many none, and why."""
        asked = {f"reported on: {gain.title.lower()}": gain.n_asked - len(gain.failed) for gain in self.gains}
        return asked | {f"not reported on: {why}": n for why, n in self.left_out.items()}


def model_name(options: TrainOptions) -> str:
    """What the result is called."""
    return options.name or options.out.resolve().name


def retrieval(rag: RAG, options: TrainOptions, *, is_trial: bool = False) -> Retrieve:
    """The first stage, as the reader of the options sees it; of a trial everything is seen."""
    reader = {} if is_trial else options.reader.as_arguments()

    def retrieve(question: str) -> tuple[Hit, ...]:
        ranking = rag.retrieve(question, k=options.candidates or CANDIDATES, retriever="hybrid", **reader)
        return ranking.hits

    return retrieve


def blended(
    folder: Path,
    material: Material,
    retrieve: Retrieve,
    teller: Teller,
    *,
    usual: Blend = USUAL,
    learnt: tuple[float, float] | None = None,
    kept: KeptTexts | None = None,
) -> None:
    """Puts into the manifest how much the model counts against the first stage.

    Args:
        folder: of the model.
        material: its held-out questions tell.
        retrieve: the first stage.
        teller: is told.
        usual, learnt: as for `weighed`.
        kept: what the index keeps of its passages.

    Raises:
        ModelError: the manifest cannot be written.
    """
    lessons = [one.lesson for one in material.stop]
    teller.phase("weighing the model against the first stage", len(lessons))
    reranker = opened(folder, kept)
    avoid, tell = material.is_reported, teller.advance
    blend = weighed(lessons, retrieve, reranker, usual=usual, learnt=learnt, avoid=avoid, on_each=tell)
    path = folder / MANIFEST
    try:
        described = json.loads(path.read_text(encoding="utf-8")) | {"blend": blend.model_dump()}
        path.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}. Mend it and run the same command again; "
            "the training is kept and need not be repeated"
        ) from error


def gains(
    folder: Path,
    start: StartModel,
    options: TrainOptions,
    material: Material,
    passages: Passages,
    retrieve: Retrieve,
    teller: Teller,
    *,
    kept: KeptTexts | None = None,
) -> Measured:
    """The gain on the given questions of the report, and on its generated ones; at least one of the two.

    Fewer than 8 of one kind say nothing, and are left out where there are others.
    """
    rerankers: dict[str, Reranker] = {}
    if (BUNDLED_RERANKER / MANIFEST).exists():
        rerankers["bundled reranker"] = opened(BUNDLED_RERANKER, kept)
    if start.is_reranker and start.folder != BUNDLED_RERANKER:
        rerankers["start model"] = opened(start.folder, kept)
    rerankers[OWN] = opened(folder, kept)
    given = [lesson for lesson in material.parts.report if lesson.kind == GIVEN]
    made = [lesson for lesson in material.parts.report if lesson.kind != GIVEN]
    found: list[Gain] = []
    left_out: dict[str, int] = {}

    def measure(title: str, lessons: list[Lesson], stage: Retrieve) -> None:
        teller.phase(f"measuring: {title.lower()}", len(lessons))
        clusters, seed = material.parts.clusters, options.seed
        found.append(
            measured(title, lessons, stage, rerankers, clusters=clusters, seed=seed, on_each=teller.advance)
        )

    if len(given) >= FEWEST or not made:
        measure("Your questions", given, retrieve)
    else:
        left_out[f"given, and fewer than {FEWEST}"] = len(given)
    if len(made) < FEWEST and found:
        left_out[f"generated, and fewer than {FEWEST}"] = len(made)
    else:
        lessons = trial_lessons(made)
        left_out["generated from a passage that another question was generated from"] = len(made) - len(
            lessons
        )
        with tempfile.TemporaryDirectory(prefix="ragkit-trial-") as place:
            teller.phase("indexing what generated questions left", 1)
            with RAG(trial_config(options.config, Path(place) / "index")) as rag:
                fill_trial(rag, lessons, passages, seed=options.seed)
                measure("Generated questions", lessons, retrieval(rag, options, is_trial=True))
    left_out["could not be asked"] = sum(len(gain.failed) for gain in found)
    return Measured(tuple(found), left_out={why: n for why, n in left_out.items() if n})


def settle(work: Path, out: Path, account: Account) -> None:
    """Writes card and report, and moves the result from `work` to `out`; `work` is removed.

    Raises:
        ModelError: the folder cannot be written; the training is kept, and what was in `out` before.
    """
    try:
        for name, text in (("MODEL_CARD.md", account.as_markdown()), ("report.json", account.as_json())):
            # A command line may hold bytes that are no text: they are written as escapes.
            (work / RESULT / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        take_place(work, out)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written: {error.strerror or error}. Mend it and run the same command again; "
            "the training is kept and need not be repeated, and what was there before is there still"
        ) from error


def opened(folder: Path, kept: KeptTexts | None) -> Reranker:
    """The reranker of a folder, which goes by what the index keeps where it can."""
    reranker = BundledReranker() if folder == BUNDLED_RERANKER else open_reranker(folder)
    return (
        KeptReranker(reranker, kept) if kept is not None and isinstance(reranker, LateReranker) else reranker
    )
