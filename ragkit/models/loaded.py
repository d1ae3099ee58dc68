"""Tokenizer and session of a model folder, loaded when first asked for and only if the files are sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.manifest import ModelManifest, model_bytes, verified_bytes, verify_files
from ragkit.models.onnx_session import open_session
from ragkit.models.process_lock import ProcessLock, ProcessTurns
from ragkit.models.recent import Recent
from ragkit.models.tokenizer import TextTokenizer
from ragkit.models.workers import usable_cores

_PASSES_BYTES = 8_000_000  # some 250 questions of 20 tokens: more than are asked at once


class LoadedModel:
    """The files of `folder`, each loaded once, whichever thread asks first.

    Args:
        folder: with `model.onnx`, `tokenizer.json` and the manifest.
        manifest: what the folder should hold.
        inputs: names of the inputs that the model is run with.
        outputs: names of the outputs that are asked of it.
        shared: outputs that several models which go by these files ask for one question, the embedder's
            first: one pass gives all of them, and they are kept for whoever asks next.
    """

    def __init__(
        self,
        folder: Path,
        manifest: ModelManifest,
        *,
        inputs: Sequence[str],
        outputs: Sequence[str],
        shared: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._inputs = frozenset(inputs)
        self._outputs = list(outputs)
        self._shared = tuple(shared)
        self._passes = Recent[tuple[int, ...], list[NDArray[Any]]](_PASSES_BYTES)
        # Questions that come together pass in turn. Those that are only embedded have all cores. Where they
        # are reranked too, passes on all cores would fill them until the last has passed, and only then
        # could any go on: the much that such a question takes beside its pass needs the interpreter's lock,
        # so all but one core would then be idle. So these have half.
        self._all_cores = ProcessTurns(usable_cores())
        self._half = ProcessTurns(max(1, usable_cores() // 2))
        self._is_read_further = False
        self._lock = ProcessLock()
        self._tokenizer: TextTokenizer | None = None
        self._session: onnxruntime.InferenceSession | None = None

    def tokenizer(self) -> TextTokenizer:
        """The model's tokenizer.

        Raises:
            ModelError: its file is missing, is not the one that the manifest names, or is no tokenizer.
        """
        if self._tokenizer is None:
            with self._lock.own():
                if self._tokenizer is None:
                    content = verified_bytes(self._folder, self._manifest, "tokenizer.json")
                    self._tokenizer = TextTokenizer(self._folder / "tokenizer.json", content)
        return self._tokenizer

    def run(
        self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """The outputs that the model gives for `feed`, in the order in which they were named.

        Args:
            feed: the inputs.
            outputs: names of those that are wanted; None for all that were named.

        Raises:
            ModelError: a file is missing or damaged, the model has other inputs or outputs, or it failed.
        """
        session = self._loaded_session()
        try:
            found: list[NDArray[Any]] = session.run(outputs or self._outputs, feed)
        except Exception as error:  # onnxruntime's own errors share no other base
            raise ModelError(
                f"{self._manifest.fingerprint} failed: {error}. Its tokenizer and its weights may not belong "
                "together: convert or fetch the model again."
            ) from error
        return found

    def run_question(self, ids: Sequence[int], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """As `run` for the one row `ids`, bit for bit; not to be changed, for others may have the same.

        Of several that come at once some wait for their turn; the same question passes once.

        Args:
            ids: a question's tokens with the two that frame it.
            outputs: names of those that are wanted.

        Raises:
            ModelError: as for `run`.
        """
        if not set(outputs) <= set(self._shared):
            return self.run({"input_ids": np.array([ids], np.int64)}, outputs)
        if set(outputs) != {self._shared[0]}:
            self._is_read_further = True
        key = tuple(ids)
        found = self._passes.get(key)
        if found is None:
            turns = self._half if self._is_read_further else self._all_cores
            with turns.own():
                found = self._passes.get(key)
                if found is None:
                    found = self.run({"input_ids": np.array([ids], np.int64)}, self._shared)
                    self._passes.keep(key, found, n_bytes=sum(one.nbytes for one in found))
        return [found[self._shared.index(name)] for name in outputs]

    def _loaded_session(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            with self._lock.own():
                if self._session is None:
                    verify_files(self._folder, self._manifest, but="model.onnx")
                    path = self._folder / "model.onnx"
                    session = open_session(path, model_bytes(self._folder, self._manifest))
                    self._check_ports(path, session)
                    self._session = session
        return self._session

    def _check_ports(self, path: Path, session: onnxruntime.InferenceSession) -> None:
        inputs = {port.name for port in session.get_inputs()}
        outputs = {port.name for port in session.get_outputs()}
        if inputs != self._inputs or not outputs.issuperset(self._outputs):
            raise ModelError(
                f"{path} takes {_listed(inputs)} and gives {_listed(outputs)}; a model of the kind "
                f"'{self._manifest.kind}' takes {_listed(self._inputs)} and gives {_listed(self._outputs)}. "
                "Convert the model again, or correct 'kind' in model.json."
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
