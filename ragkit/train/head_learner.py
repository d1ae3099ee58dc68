"""Trains a head on the bundled reranker, by vectors that are computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.models.manifest import LateManifest, model_bytes
from ragkit.rerank.blend import Blend
from ragkit.train.bert_graph_folder import write_model_folder
from ragkit.train.export import SelfTest, self_test
from ragkit.train.head_graph import head_graph, head_weights
from ragkit.train.head_groups import digest, head_groups
from ragkit.train.kept import KeptTexts
from ragkit.train.late_head import HeadTrainer, LateHead
from ragkit.train.learner import JUDGED, TESTED, TESTED_PASSAGES, Course
from ragkit.train.lessons import GIVEN
from ragkit.train.material import Material
from ragkit.train.mining import MinedLesson
from ragkit.train.recipe import Recipe
from ragkit.train.start import StartModel

_SCORING = "a head on questions, compared with signs, 1"
_FEWEST_JUDGED = 20  # given questions; fewer do not tell alone when to stop


class HeadLearner:
    """Trains a head.

    Args:
        start: the bundled reranker, or a head on it.
        recipe: how.
        kept: what the index keeps of its passages.
        phase, advance: are told of the reading.

    Raises:
        ModelError: the start's head cannot be read.

    Example:
        course = HeadLearner(start, recipe, kept).course(material)
    """

    def __init__(
        self,
        start: StartModel,
        recipe: Recipe,
        kept: KeptTexts,
        *,
        phase: Callable[[str, int], None] = lambda _name, _total: None,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self.recipe = recipe
        self._start = start
        self._kept = kept
        self._phase, self._advance = phase, advance
        self._reader = BundledReranker()
        beneath = self._reader.manifest
        own = start.manifest.blend if isinstance(start.manifest, LateManifest) else None
        self._began = Blend.given(start.manifest.name, own or beneath.blend or {})
        self._head = LateHead(beneath.dimension, scale=beneath.scale, blend=self._began)
        if start.is_head:
            self._take(start)

    def course(self, material: Material) -> Course:
        """Reads what the index does not keep, and gives the trainer."""
        judged = [one for one in material.stop if one.lesson.kind == GIVEN]
        judged = (judged if len(judged) >= _FEWEST_JUDGED else list(material.stop))[:JUDGED]
        self._phase("reading questions and passages", len(material.train) + len(judged))
        train, held_out = (
            head_groups(lessons, self._reader, self._kept.of, on_each=self._advance)
            for lessons in (material.train, judged)
        )
        if not train or not held_out:
            raise ModelError("no question has a word that the model knows: there is nothing to learn from")
        settings = {
            "learnt from": digest(train),
            "judged by": digest(held_out),
            "scoring": _SCORING,
            "beneath": self._reader.fingerprint,
        }
        trainer = HeadTrainer(self._head, train, self.recipe)
        return Course(trainer, held_out, settings, n_learnt=len(train), by="loss")

    def export(self, folder: Path, material: Material, name: str) -> SelfTest:
        """The head's few numbers; the encoder stays where it is."""
        beneath = self._reader.manifest
        manifest = {
            "name": name,
            "revision": "head-1",
            "kind": beneath.kind,
            "dimension": beneath.dimension,
            "max_tokens": beneath.max_tokens,
            "max_query_tokens": beneath.max_query_tokens,
            "scale": beneath.scale,
            "languages": list(material.languages),
            "head_of": self._reader.fingerprint,
        }
        tokenizer = (self._start.folder / "tokenizer.json").read_text(encoding="utf-8")
        try:
            write_model_folder(
                folder, head_graph(self._head.weights()), tokenizer=tokenizer, manifest=manifest
            )
        except OSError as error:
            raise ModelError(
                f"{folder} cannot be written: {error.strerror or error}. A head takes 2 MB: make room and "
                "run the same command again; the training is kept and need not be repeated"
            ) from error
        tested = material.stop[:TESTED]
        asked = [(one.lesson.question, [*one.relevant, *one.others][:TESTED_PASSAGES]) for one in tested]
        return self_test(folder, asked, [self._scores(one) for one in tested])

    @property
    def usual(self) -> Blend:
        """The start model's."""
        return self._began.model_copy(update={"highest": None})

    def learnt(self) -> tuple[float, float]:
        """As they were learnt together with the head."""
        return self._head.blend()

    def _scores(self, one: MinedLesson) -> NDArray[np.float32]:
        texts = [*one.relevant, *one.others][:TESTED_PASSAGES]
        scores: NDArray[np.float32] = np.zeros(len(texts), np.float32)
        for group in head_groups([one], self._reader, self._kept.of):
            with torch.inference_mode():
                scores = self._head.scores(group, group.passages[:TESTED_PASSAGES]).numpy()
        return scores

    def _take(self, start: StartModel) -> None:
        try:
            weights = head_weights(model_bytes(start.folder, start.manifest))
        except ValueError as error:
            raise ModelError(
                f"{start.folder} holds no head that can be gone on from: {error}. Train it again without "
                "--from"
            ) from error
        with torch.no_grad():
            for name, value in weights.items():
                getattr(self._head, name).copy_(torch.from_numpy(np.array(value)))
