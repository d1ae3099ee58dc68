"""The embedding model of ragkit for environments that hold no ragkit: ONNX Runtime and tokenizers alone.

The vectors of the passages were made beforehand and are looked up, so that no library's ingestion time is
that of the model; a question is embedded when it is asked, as in an application. `check` proves that both are
the same vectors as ragkit's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from evals.benchmarks.peers.task import Task, Vectors

TOLERANCE = 1e-3
_CHECKED_PASSAGES = 32


class VectorsDifferError(Exception):
    """The vectors that a library was given are not those of ragkit."""


class Encoder:
    """Vectors of passages and questions. Remembers the questions that it embedded, to be checked."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._known = {p.text: row for p, row in zip(task.passages, task.passage_vectors, strict=True)}
        self._questions: dict[str, Vectors] = {}

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors, shape `[n, dimension]`: looked up, or made where the text is none of the passages."""
        rows = [self._known[text] if text in self._known else self._embedded(text) for text in texts]
        return np.array(rows, dtype=np.float32)

    def question(self, text: str) -> Vectors:
        """The vector of a question, shape `[dimension]`, made now."""
        vector = self._embedded(text)
        self.remember([text], vector[None])
        return vector

    def remember(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Keeps vectors of questions that were made elsewhere, to be checked."""
        self._questions.update(zip(texts, vectors, strict=True))

    def check(self) -> dict[str, Any]:
        """The largest difference from ragkit's vectors: of all questions embedded, and a sample of passages.

        Raises:
            VectorsDifferError: it is above 1e-3.
        """
        task = self._task
        ours = {q.text: row for q, row in zip(task.questions, task.question_vectors, strict=True)}
        asked = [
            float(np.abs(row - ours[text]).max()) for text, row in self._questions.items() if text in ours
        ]
        step = max(1, len(task.passages) // _CHECKED_PASSAGES)
        sample = range(0, len(task.passages), step)
        kept = [
            float(np.abs(self._embedded(task.passages[i].text) - task.passage_vectors[i]).max())
            for i in sample
        ]
        worst = max([*asked, *kept])
        if worst > TOLERANCE:
            raise VectorsDifferError(
                f"{task.name}: vectors differ by up to {worst:.4f}, allowed is {TOLERANCE}"
            )
        return {"questions": len(asked), "passages": len(kept), "largest_difference": worst}

    def _embedded(self, text: str) -> Vectors:
        session, tokenizer, max_tokens = self._model
        ids = tokenizer.encode(text).ids
        if len(ids) > max_tokens:
            ids = [*ids[: max_tokens - 1], ids[-1]]
        (vectors,) = session.run(None, {"input_ids": np.array([ids], np.int64)})
        row: Vectors = vectors[0]
        return row

    @cached_property
    def _model(self) -> tuple[Any, Any, int]:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        folder = self._task.model
        session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return session, tokenizer, json.loads((folder / "model.json").read_text())["max_tokens"]
