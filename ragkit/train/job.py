"""A reranker for a collection: gather, train, export, measure, write."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ragkit.app import RAG
from ragkit.assembly import Assembly
from ragkit.errors import ModelError
from ragkit.train.card import Account
from ragkit.train.cross_encoder import CrossEncoder, Encoder, EncoderShape
from ragkit.train.device import chosen_device
from ragkit.train.fit import fit
from ragkit.train.fit_plan import FitEvent, FitPlan, Fitted
from ragkit.train.groups import Group
from ragkit.train.late_encoder import LateEncoder
from ragkit.train.material import Material, gathered
from ragkit.train.options import Silent, Teller, TrainOptions
from ragkit.train.passages import Passages
from ragkit.train.place import CHECKPOINT, RESULT, WORK, begin, check_place
from ragkit.train.recipe import Recipe
from ragkit.train.result import blended, exported, gains, model_name, retrieval, settle
from ragkit.train.start import StartModel, start_model
from ragkit.train.tokens import GroupMaker, digest
from ragkit.train.trainer import Trainer

_JUDGED = 150  # held-out questions that say when to stop: judging must not take longer than training
_JUDGED_OTHERS = 15
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
        self._recipe(start)  # refused before any work where a number is out of its range
        with _opened(options) as (rag, passages):
            retrieve = retrieval(rag, options)
            material = gathered(
                options,
                passages,
                retrieve,
                start.manifest.languages,
                model=start.manifest.name,
                teller=self._teller,
            )
            model, fitted = self._fitted(start, material)
            if fitted.ending == "stopped":
                return Trained(self._work, fitted=fitted)
            folder = self._work / RESULT
            test = exported(folder, model, start, self._recipe(start), model_name(options), material)
            blended(folder, material, retrieve, self._teller)
            found = gains(folder, start, options, material, passages, retrieve, self._teller)
        account = Account(
            model_name(options),
            start=start.manifest.fingerprint,
            languages=material.languages,
            command=options.command or "ragkit.train.job.train_reranker(...)",
            counts=material.counts,
            recipe=self._recipe(start),
            fitted=fitted,
            test=test,
            gains=tuple(found),
            versions=self._versions(),
        )
        settle(self._work, options.out, account)
        return Trained(options.out, account, fitted=fitted)

    def _recipe(self, start: StartModel) -> Recipe:
        options = self._options
        usual_size = 8 if self._device == "cuda" else 4
        usual_rate = 2e-5 if start.is_reranker else 5e-5
        return Recipe(
            epochs=options.epochs,
            groups_per_step=options.batch,
            group_size=usual_size if options.group_size is None else options.group_size,
            learning_rate=usual_rate if options.learning_rate is None else options.learning_rate,
            max_tokens=start.max_tokens,
            max_query_tokens=start.max_query_tokens,
            seed=options.seed,
        )

    def _fitted(self, start: StartModel, material: Material) -> tuple[Encoder, Fitted]:
        recipe = self._recipe(start)
        maker = GroupMaker(start.folder / "tokenizer.json", max_tokens=recipe.max_tokens)
        train = maker.groups(material.train)
        held_out = [_judged(group) for group in maker.groups(material.stop[:_JUDGED])]
        model = _torch_model(start, seed=recipe.seed)
        trainer = Trainer(model, train, recipe, device=self._device)
        settings = {
            **asdict(recipe),
            "start": start.manifest.fingerprint,
            "learnt from": digest(train),
            "judged by": digest(held_out),
            "device": self._device,
        }
        checkpoint = self._work / CHECKPOINT
        if self._options.restart:
            checkpoint.unlink(missing_ok=True)
        self._check_room(trainer)
        plan = FitPlan(
            held_out, checkpoint=checkpoint, settings=settings, time_limit_s=self._options.time_limit_s
        )
        self._teller.phase("training", trainer.n_steps)
        return model, fit(trainer, plan, on_event=self._on_event, is_stopped=self._is_stopped)

    def _on_event(self, event: FitEvent) -> None:
        if event.note:
            self._teller.note(event.note)
        self._teller.advance(event.step, f"loss {event.loss:.3f}" if event.loss == event.loss else "")

    def _check_room(self, trainer: Trainer) -> None:
        begin(self._work)
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


def _torch_model(start: StartModel, *, seed: int) -> Encoder:
    shape = EncoderShape.of(start.bert.tensors, heads=start.bert.heads, norm_epsilon=start.bert.norm_epsilon)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)  # a head that the start lacks has random weights
        model = CrossEncoder(shape) if start.scale is None else LateEncoder(shape)
    scale = {} if start.scale is None else {"log_scale": np.array(np.log(start.scale), np.float32)}
    model.take({**start.bert.tensors, **scale})
    return model


def _judged(group: Group) -> Group:
    return Group(group.question, group.relevant, group.others[:_JUDGED_OTHERS])
