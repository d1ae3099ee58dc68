"""A reranker for a collection: gather, train, export, measure, write."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ragkit.app import RAG
from ragkit.assembly import Assembly
from ragkit.errors import ConfigError, ModelError
from ragkit.train.card import Account
from ragkit.train.device import chosen_device
from ragkit.train.fit import fit
from ragkit.train.fit_plan import FitEvent, FitPlan, Fitted
from ragkit.train.head_learner import HeadLearner
from ragkit.train.kept import KeptTexts
from ragkit.train.learner import Course, Learner
from ragkit.train.material import gathered
from ragkit.train.mining import CANDIDATES
from ragkit.train.options import Silent, Teller, TrainOptions
from ragkit.train.passages import Passages
from ragkit.train.place import CHECKPOINT, RESULT, WORK, check_place, taken
from ragkit.train.recipe import Recipe
from ragkit.train.result import blended, gains, model_name, retrieval, settle
from ragkit.train.start import StartModel, start_model
from ragkit.train.stepping import Stepping
from ragkit.train.whole_learner import WholeLearner

HEAD_CANDIDATES = 20  # what the default graph reranks
_STATES = 5  # weights, average, two moments, best: what a checkpoint has of each trained number


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training.

    Args:
        folder: the model's, or of the checkpoint where it was stopped.
        account: what is told of it; None where it was stopped.
        fitted: how the training went.
    """

    folder: Path
    account: Account | None = field(default=None, repr=False)
    fitted: Fitted = field(kw_only=True)


def train_reranker(
    options: TrainOptions, *, teller: Teller | None = None, is_stopped: Callable[[], bool] = lambda: False
) -> Trained:
    """Trains a reranker for a collection and writes it to `options.out`, with the gain measured.

    A training that was stopped or killed goes on where it was saved last, when it is called again with the
    same options.

    Args:
        options: what is trained, on what, how.
        teller: is told how far it is.
        is_stopped: asked after each step; once true, the training is saved and ends.

    Raises:
        ConfigError: the options, the collection or the checkpoint do not go together.
        EvalError: the question files are malformed.
        ModelError: the start model, the checkpoint or the result cannot be used or written.
        StoreError: the index cannot be opened.
    """
    return _Job(options, teller or Silent(), is_stopped).run()


class _Job:
    def __init__(self, options: TrainOptions, teller: Teller, is_stopped: Callable[[], bool]) -> None:
        self._options = options
        self._teller = teller
        self._is_stopped = is_stopped
        self._work = options.out / WORK
        self._device = chosen_device(options.device)

    def run(self) -> Trained:
        options = self._options
        check_place(options.out, overwrite=options.overwrite, start=options.start)
        start = start_model(options.start)
        is_head = _learns_head(options, start)
        options = replace(
            options, candidates=options.candidates or (HEAD_CANDIDATES if is_head else CANDIDATES)
        )
        self._recipe(start)  # refused before any work where a number is out of its range
        with taken(options.out, overwrite=options.overwrite, start=options.start):
            return self._trained(start, options)

    def _trained(self, start: StartModel, options: TrainOptions) -> Trained:
        with _opened(options) as (rag, passages):
            retrieve = retrieval(rag, options)
            kept = KeptTexts(passages)
            material = gathered(
                options,
                passages,
                retrieve,
                start.manifest.languages,
                model=start.manifest.name,
                teller=self._teller,
                on_found=kept.learn,
            )
            learner = self._learner(start, kept)
            course = learner.course(material)
            fitted = self._fitted(start, learner, course)
            if fitted.ending == "stopped":
                return Trained(self._work, fitted=fitted)
            folder = self._work / RESULT
            test = learner.export(folder, material, model_name(options))
            blended(
                folder,
                material,
                retrieve,
                self._teller,
                usual=learner.usual,
                learnt=learner.learnt(),
                kept=kept,
            )
            found = gains(folder, start, options, material, passages, retrieve, self._teller, kept=kept)
            counts = {**material.counts, **course.counts(material), **found.counts}
        account = Account(
            model_name(options),
            start=start.manifest.fingerprint,
            languages=material.languages,
            command=options.command or "ragkit.train.job.train_reranker(...)",
            counts=counts,
            recipe=self._recipe(start),
            fitted=fitted,
            test=test,
            gains=found.gains,
            versions=self._versions(),
            candidates=options.candidates or CANDIDATES,
        )
        settle(self._work, options.out, account)
        return Trained(options.out, account, fitted=fitted)

    def _recipe(self, start: StartModel) -> Recipe:
        options = self._options
        if _learns_head(options, start):
            usual = _Usual(epochs=6, batch=16, group_size=16, learning_rate=3e-4)
        else:
            size, rate = 8 if self._device == "cuda" else 4, 2e-5 if start.is_reranker else 5e-5
            usual = _Usual(epochs=3, batch=8, group_size=size, learning_rate=rate)
        return Recipe(
            epochs=usual.epochs if options.epochs is None else options.epochs,
            groups_per_step=usual.batch if options.batch is None else options.batch,
            group_size=usual.group_size if options.group_size is None else options.group_size,
            learning_rate=usual.learning_rate if options.learning_rate is None else options.learning_rate,
            max_tokens=start.max_tokens,
            max_query_tokens=start.max_query_tokens,
            seed=options.seed,
        )

    def _learner(self, start: StartModel, kept: KeptTexts) -> Learner:
        recipe = self._recipe(start)
        if _learns_head(self._options, start):
            told = self._teller
            return HeadLearner(start, recipe, kept, phase=told.phase, advance=told.advance)
        return WholeLearner(start, recipe, device=self._device)

    def _fitted(self, start: StartModel, learner: Learner, course: Course) -> Fitted:
        settings = {
            **asdict(learner.recipe),
            **course.settings,
            "start": start.manifest.fingerprint,
            "best by": course.by,
            "device": str(course.trainer.device),
        }
        checkpoint = self._work / CHECKPOINT
        if self._options.restart:
            checkpoint.unlink(missing_ok=True)
        self._check_room(course.trainer)
        plan = FitPlan(
            course.held_out,
            checkpoint=checkpoint,
            settings=settings,
            by=course.by,
            time_limit_s=self._options.time_limit_s,
        )
        self._teller.phase("training", course.trainer.n_steps)
        return fit(course.trainer, plan, on_event=self._on_event, is_stopped=self._is_stopped)

    def _on_event(self, event: FitEvent) -> None:
        if event.note:
            self._teller.note(event.note)
        self._teller.advance(event.step, f"loss {event.loss:.3f}" if event.loss == event.loss else "")

    def _check_room(self, trainer: Stepping[Any]) -> None:
        needed = 2 * _STATES * sum(value.nbytes for value in trainer.averaged_weights().values()) + 50_000_000
        free = shutil.disk_usage(self._work).free
        if free < needed:
            raise ModelError(
                f"{self._work}: {free / 1e6:,.0f} MB are free, and the training's checkpoints take "
                f"{needed / 1e6:,.0f} MB. Make room, or choose another folder with --out"
            )

    def _versions(self) -> dict[str, str]:
        return {
            "ragkit": version("ragkit"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": torch.cuda.get_device_name() if self._device == "cuda" else "CPU",
        }


@contextmanager
def _opened(options: TrainOptions) -> Iterator[tuple[RAG, Passages]]:
    # `RAG` asks questions; the collection beneath, opened once more, gives passages by document.
    parts = Assembly(options.config, create=False)
    try:
        passages = Passages(parts.collection, options.reader)
        with RAG(options.config, create=False) as rag:
            yield rag, passages
    finally:
        parts.close()


@dataclass(frozen=True, slots=True)
class _Usual:
    """What a recipe has where the user says nothing."""

    epochs: int
    batch: int
    group_size: int
    learning_rate: float


def _learns_head(options: TrainOptions, start: StartModel) -> bool:
    """Whether a head is trained.

    Raises:
        ConfigError: one is asked for that the start model cannot have.
    """
    if options.learn == "head" and not start.takes_head:
        raise ConfigError(
            f"{start.folder}: a head can be trained on the bundled reranker alone. Leave out --from, or "
            "train every layer with `--learn all`"
        )
    return start.takes_head if options.learn is None else options.learn == "head"
