"""A reranker for a collection: gather, train, export, measure, write."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ragkit.app import RAG
from ragkit.assembly import Assembly
from ragkit.errors import ConfigError, ModelError
from ragkit.models.bundled_reranker import BUNDLED_RERANKER
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.manifest import MANIFEST
from ragkit.protocols import Reranker
from ragkit.train.card import OWN, Account
from ragkit.train.cross_encoder import CrossEncoder, EncoderShape
from ragkit.train.device import chosen_device
from ragkit.train.export import SelfTest, self_test, write_model
from ragkit.train.fit import fit
from ragkit.train.fit_plan import FitEvent, FitPlan, Fitted
from ragkit.train.gain import Gain, measured
from ragkit.train.groups import Group
from ragkit.train.lessons import GIVEN
from ragkit.train.material import Material, gathered
from ragkit.train.mining import Retrieve
from ragkit.train.options import Silent, Teller, TrainOptions
from ragkit.train.passages import Passages
from ragkit.train.recipe import Recipe
from ragkit.train.scoring import pair_scores
from ragkit.train.split import FEWEST
from ragkit.train.start import StartModel, start_model
from ragkit.train.tokens import GroupMaker, digest
from ragkit.train.trainer import Trainer
from ragkit.train.trial import fill_trial, trial_config, trial_lessons

_WORK = "training"  # below the result's folder; gone at the end
_TESTED = 24  # questions of the self-test
_TESTED_PASSAGES = 8
_JUDGED = 200  # held-out questions that say when to stop: judging must not take longer than training
_JUDGED_OTHERS = 20
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
        self._work = options.out / _WORK
        self._device = chosen_device(options.device)

    def run(self) -> Trained:
        options = self._options
        if (options.out / MANIFEST).exists() and not options.overwrite:
            raise ConfigError(
                f"{options.out} holds a model already. Choose another folder with --out, or replace it with "
                "--overwrite"
            )
        start = start_model(options.start)
        with _opened(options) as (rag, passages):
            retrieve = self._retrieve(rag)
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
            folder = self._work / "result"
            test = self._exported(folder, model, start, material)
            gains = self._gains(folder, material, passages, retrieve)
        account = self._account(start, material, fitted, test, gains)
        self._settle(folder, account)
        return Trained(options.out, account, fitted=fitted)

    # --- training ---------------------------------------------------------------------------------

    def _recipe(self, start: StartModel) -> Recipe:
        options = self._options
        return Recipe(
            epochs=options.epochs,
            groups_per_step=options.batch,
            group_size=options.group_size or (8 if self._device == "cuda" else 4),
            learning_rate=options.learning_rate or (2e-5 if start.is_reranker else 5e-5),
            max_tokens=start.max_tokens,
            max_query_tokens=start.max_query_tokens,
            seed=options.seed,
        )

    def _fitted(self, start: StartModel, material: Material) -> tuple[CrossEncoder, Fitted]:
        recipe = self._recipe(start)
        self._maker = GroupMaker(start.folder / "tokenizer.json", max_tokens=recipe.max_tokens)
        train = self._maker.groups(material.train)
        held_out = [_judged(group) for group in self._maker.groups(material.stop[:_JUDGED])]
        model = _torch_model(start, seed=recipe.seed)
        trainer = Trainer(model, train, recipe, device=self._device)
        settings = {
            **asdict(recipe),
            "start": start.manifest.fingerprint,
            "learnt from": digest(train),
            "judged by": digest(held_out),
            "device": self._device,
        }
        checkpoint = self._work / "checkpoint.npz"
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
        self._work.mkdir(parents=True, exist_ok=True)
        needed = 2 * _STATES * sum(value.nbytes for value in trainer.averaged_weights().values()) + 50_000_000
        free = shutil.disk_usage(self._work).free
        if free < needed:
            raise ModelError(
                f"{self._work}: {free / 1e6:,.0f} MB are free, and the training's checkpoints take "
                f"{needed / 1e6:,.0f} MB. Make room, or choose another folder with --out"
            )

    # --- result -----------------------------------------------------------------------------------

    def _exported(self, folder: Path, model: CrossEncoder, start: StartModel, material: Material) -> SelfTest:
        recipe = self._recipe(start)
        manifest: dict[str, Any] = {
            "kind": "reranker",
            "name": self._name,
            "revision": "int8-1",
            "max_tokens": recipe.max_tokens,
            "max_query_tokens": recipe.max_query_tokens,
            "languages": list(material.languages),
        }
        asked, groups = _tested(material, self._maker, recipe)
        write_model(
            folder,
            model.cpu().eval(),
            asked,
            tokenizer=start.folder / "tokenizer.json",
            manifest=manifest,
        )
        expected = [
            pair_scores(model, [(group.question, passage) for passage in group.others], recipe)
            for group in groups
        ]
        return self_test(folder, asked, expected)

    def _gains(self, folder: Path, material: Material, passages: Passages, retrieve: Retrieve) -> list[Gain]:
        rerankers: dict[str, Reranker] = {}
        if (BUNDLED_RERANKER / MANIFEST).exists():
            rerankers["bundled reranker"] = OnnxReranker(BUNDLED_RERANKER)
        rerankers[OWN] = OnnxReranker(folder)
        given = [lesson for lesson in material.parts.report if lesson.kind == GIVEN]
        made = [lesson for lesson in material.parts.report if lesson.kind != GIVEN]
        gains = []
        clusters = material.parts.clusters
        if len(given) >= FEWEST or not made:
            self._teller.phase("measuring on your questions", len(given))
            gains.append(
                measured(
                    "Your questions",
                    given,
                    retrieve,
                    rerankers,
                    clusters=clusters,
                    seed=self._options.seed,
                    on_each=self._teller.advance,
                )
            )
        if len(made) >= FEWEST or not gains:
            gains.append(self._gain_on_trial(material, passages, rerankers))
        return gains

    def _gain_on_trial(self, material: Material, passages: Passages, rerankers: dict[str, Reranker]) -> Gain:
        lessons = trial_lessons([one for one in material.parts.report if one.kind != GIVEN])
        with tempfile.TemporaryDirectory(prefix="ragkit-trial-") as folder:
            self._teller.phase("indexing what generated questions left", 1)
            with RAG(trial_config(self._options.config, Path(folder) / "index")) as rag:
                fill_trial(rag, lessons, passages, seed=self._options.seed)
                self._teller.phase("measuring on generated questions", len(lessons))
                return measured(
                    "Generated questions",
                    lessons,
                    self._retrieve(rag, is_trial=True),
                    rerankers,
                    clusters=material.parts.clusters,
                    seed=self._options.seed,
                    on_each=self._teller.advance,
                )

    def _account(
        self, start: StartModel, material: Material, fitted: Fitted, test: SelfTest, gains: Sequence[Gain]
    ) -> Account:
        return Account(
            self._name,
            start=start.manifest.fingerprint,
            languages=material.languages,
            command=self._options.command or "ragkit.train.job.train_reranker(...)",
            counts=material.counts,
            recipe=self._recipe(start),
            fitted=fitted,
            test=test,
            gains=tuple(gains),
            versions={
                "ragkit": version("ragkit"),
                "torch": torch.__version__,
                "python": platform.python_version(),
                "device": torch.cuda.get_device_name() if self._device == "cuda" else "CPU",
            },
        )

    def _settle(self, folder: Path, account: Account) -> None:
        """Puts the result in its place, the manifest last: a folder with a manifest is whole."""
        out = self._options.out
        try:
            (folder / "MODEL_CARD.md").write_text(account.as_markdown(), encoding="utf-8")
            (folder / "report.json").write_text(account.as_json(), encoding="utf-8")
            (out / MANIFEST).unlink(missing_ok=True)
            for name in ("model.onnx", "tokenizer.json", "MODEL_CARD.md", "report.json", MANIFEST):
                (folder / name).replace(out / name)
        except OSError as error:
            raise ModelError(
                f"{out} cannot be written: {error.strerror or error}. Mend it and run the same command "
                "again; the training is kept and need not be repeated"
            ) from error
        shutil.rmtree(self._work)

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._options.name or self._options.out.resolve().name

    def _retrieve(self, rag: RAG, *, is_trial: bool = False) -> Retrieve:
        reader = {} if is_trial else self._options.reader.as_arguments()

        def retrieve(question: str) -> list[Any]:
            ranking = rag.retrieve(question, k=self._options.candidates, retriever="hybrid", **reader)
            return [hit.chunk for hit in ranking.hits]

        return retrieve


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


def _torch_model(start: StartModel, *, seed: int) -> CrossEncoder:
    shape = EncoderShape.of(start.bert.tensors, heads=start.bert.heads, norm_epsilon=start.bert.norm_epsilon)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)  # a head that the start lacks has random weights
        model = CrossEncoder(shape)
    model.take(start.bert.tensors)
    return model


def _judged(group: Group) -> Group:
    return Group(group.question, group.relevant, group.others[:_JUDGED_OTHERS])


def _tested(
    material: Material, maker: GroupMaker, recipe: Recipe
) -> tuple[list[tuple[str, list[str]]], list[Group]]:
    """Questions of the stopping part with passages of one window, which the file reads as torch does."""
    asked: list[tuple[str, list[str]]] = []
    groups: list[Group] = []
    for one in material.stop[:_TESTED]:
        question = one.lesson.question
        room = recipe.max_tokens - 3 - min(maker.count(question), recipe.max_query_tokens)
        texts = [text for text in (*one.relevant, *one.others) if maker.count(text) <= room][
            :_TESTED_PASSAGES
        ]
        if len(texts) > 1:
            asked.append((question, texts))
            ids = tuple(maker.ids(text) for text in texts)
            groups.append(Group(maker.ids(question), ids[:1], ids))
    if not asked:
        raise ModelError(
            f"no question with two passages of under {recipe.max_tokens} tokens to test the export on. Make "
            "smaller passages: ingest.chunk.size"
        )
    return asked, groups
