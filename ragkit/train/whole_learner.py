"""Trains all layers of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ragkit.errors import ModelError
from ragkit.rerank.blend import Blend
from ragkit.train.cross_encoder import CrossEncoder, Encoder, EncoderShape
from ragkit.train.export import SelfTest, self_test, write_model
from ragkit.train.groups import Group
from ragkit.train.held_out import METRIC
from ragkit.train.late_encoder import LateEncoder
from ragkit.train.learner import JUDGED, TESTED, TESTED_PASSAGES, Course
from ragkit.train.material import Material
from ragkit.train.recipe import Recipe
from ragkit.train.scoring import pair_scores
from ragkit.train.start import StartModel
from ragkit.train.tokens import GroupMaker, digest
from ragkit.train.trainer import Trainer
from ragkit.train.weighing import USUAL

_JUDGED_OTHERS = 15
# Named in a checkpoint: a training is not gone on with where the model compares otherwise than it did.
_LATE, _CROSS = "late interaction of signs, 1", "cross-encoder, 1"


class WholeLearner:
    """Trains a cross-encoder, or an encoder whose token vectors are compared.

    Args:
        start: what it starts from.
        recipe: how.
        device: a torch device.

    Example:
        course = WholeLearner(start, recipe, device="cpu").course(material)
    """

    def __init__(self, start: StartModel, recipe: Recipe, *, device: str) -> None:
        self.recipe = recipe
        self._start = start
        self._device = device
        self._model = _torch_model(start, seed=recipe.seed)
        self._tokenizer = start.folder / "tokenizer.json"

    def course(self, material: Material) -> Course:
        """Token ids of all lessons, and the trainer for them."""
        maker = GroupMaker(self._tokenizer, max_tokens=self.recipe.max_tokens)
        train = maker.groups(material.train)
        held_out = [_judged(group) for group in maker.groups(material.stop[:JUDGED])]
        settings = {
            "learnt from": digest(train),
            "judged by": digest(held_out),
            "scoring": _CROSS if self._start.scale is None else _LATE,
        }
        trainer = Trainer(self._model, train, self.recipe, device=self._device)
        return Course(trainer, held_out, settings, n_learnt=len(train), by=METRIC)

    def export(self, folder: Path, material: Material, name: str) -> SelfTest:
        """The weights, rounded to integers, beside the start's tokenizer."""
        model, recipe = self._model, self.recipe
        maker = GroupMaker(self._tokenizer, max_tokens=recipe.max_tokens)
        asked = _tested(material, maker, recipe)
        manifest = {
            "name": name,
            "revision": "int8-1",
            "max_tokens": recipe.max_tokens,
            "max_query_tokens": recipe.max_query_tokens,
            "languages": list(material.languages),
        }
        model.cpu().eval()
        expected = [
            pair_scores(model, [(maker.ids(question), maker.ids(text)) for text in texts], recipe)
            for question, texts in asked
        ]
        write_model(folder, model, asked, tokenizer=self._tokenizer, manifest=manifest)
        return self_test(folder, asked, expected)

    @property
    def usual(self) -> Blend:
        """That of any reranker."""
        return USUAL

    def learnt(self) -> None:
        """None were."""


def _torch_model(start: StartModel, *, seed: int) -> Encoder:
    bert = start.encoder
    shape = EncoderShape.of(bert.tensors, heads=bert.heads, norm_epsilon=bert.norm_epsilon)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)  # a head that the start lacks has random weights
        model = CrossEncoder(shape) if start.scale is None else LateEncoder(shape)
    scale = {} if start.scale is None else {"log_scale": np.array(np.log(start.scale), np.float32)}
    model.take({**bert.tensors, **scale})
    return model


def _judged(group: Group) -> Group:
    return Group(group.question, group.relevant, group.others[:_JUDGED_OTHERS])


def _tested(material: Material, maker: GroupMaker, recipe: Recipe) -> list[tuple[str, list[str]]]:
    """Questions of the stopping part with passages of one window, which the file reads as torch does."""
    asked: list[tuple[str, list[str]]] = []
    for one in material.stop[:TESTED]:
        question = one.lesson.question
        room = recipe.max_tokens - 3 - min(maker.count(question), recipe.max_query_tokens)
        texts = [text for text in (*one.relevant, *one.others) if maker.count(text) <= room]
        if len(texts) > 1:
            asked.append((question, texts[:TESTED_PASSAGES]))
    if not asked:
        raise ModelError(
            f"no question with two passages of under {recipe.max_tokens} tokens to test the export on. Make "
            "smaller passages: ingest.chunk.size"
        )
    return asked
