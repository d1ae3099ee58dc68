"""Texts to unit vectors with a local ONNX model."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from ragkit.errors import ConfigError, ModelError
from ragkit.models.manifest import read_manifest, verify_files
from ragkit.models.onnx_session import open_session
from ragkit.models.tokenizer import TextTokenizer
from ragkit.protocols import TextKind, Vectors

BUNDLED = Path(__file__).parent / "bundled" / "minilm"

# Bounds the memory of token ids; long enough that waiting for the last text of a slice costs under 1%.
_SLICE = 1024


class OnnxEmbedder:
    """Embeds texts with the model of a folder: `model.onnx`, `tokenizer.json`, `model.json`.

    Each text runs alone, so its vector is the same, bit for bit, whatever else is in the call, and no time
    goes into padding. A call with several texts spreads them over `threads` worker threads; a call with
    one text runs in the caller's thread. Any number of threads may call at once. The model is loaded, and
    its checksums compared, by the first call.

    Texts over `max_tokens` tokens lose their end: cut them first with `token_spans`. An empty or blank
    text has a vector too, that of the model's bare start and end tokens.

    Args:
        folder: the model's folder; the bundled all-MiniLM-L6-v2 (English) by default.
        threads: cores to use for one call, at least 1; by default those this process may run on.

    Raises:
        ModelError: `folder` holds no model.
        ConfigError: `threads` is below 1.

    >>> embedder = OnnxEmbedder()
    >>> cat, kitten, tax = embedder.embed(["a cat", "a kitten", "income tax"], "passage")
    >>> bool(cat @ kitten > cat @ tax)
    True
    """

    def __init__(self, folder: str | Path = BUNDLED, *, threads: int | None = None):
        if threads is not None and threads < 1:
            raise ConfigError(
                f"embedder: threads is {threads}; give 1 or more, or leave it out for all cores"
            )
        self._folder = Path(folder)
        self._manifest = read_manifest(self._folder)
        self._threads = threads or _usable_cores()
        self._loading = threading.RLock()
        self._loaded_tokenizer: TextTokenizer | None = None
        self._loaded_session: onnxruntime.InferenceSession | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._pool_process = 0

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self._manifest.name

    @property
    def revision(self) -> str:
        """How the model was converted."""
        return self._manifest.revision

    @property
    def fingerprint(self) -> str:
        """Identifies the vector space: vectors of two fingerprints must never be compared."""
        return self._manifest.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._manifest.dimension

    @property
    def max_tokens(self) -> int:
        """Texts are cut after this many tokens, the two special ones included."""
        return self._manifest.max_tokens

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        return self._manifest.languages

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, dimension]`, float32, in the order of `texts`.

        Args:
            texts: any strings; lone surrogates count as U+FFFD.
            kind: what they are; matters only to models that put a prefix before one of them.

        Raises:
            ModelError: the model's files are damaged, or it gave NaN or infinity.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        prefix: str = getattr(self._manifest.prefixes, kind)
        for start in range(0, len(texts), _SLICE):
            some = [prefix + text for text in texts[start : start + _SLICE]]
            ids = self._tokenizer().encode(some, max_tokens=self.max_tokens)
            self._fill(vectors[start : start + _SLICE], ids)
        unusable = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if unusable.size:
            raise ModelError(
                f"{self.fingerprint} gave NaN or infinity for {unusable.size} of {len(texts)} texts, "
                f"first for number {unusable[0]}: {texts[unusable[0]][:80]!r}. "
                "Install ragkit or fetch the model again."
            )
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, nothing cut, the model's special tokens not counted."""
        return self._tokenizer().count(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in characters of `text`, of each of its tokens in reading order; nothing is cut.

        At most `max_tokens - 2` tokens of a passage are seen by the model, for it adds a start and an end.
        """
        return self._tokenizer().spans(text)

    def _fill(self, vectors: Vectors, ids: list[list[int]]) -> None:
        session = self._session()
        # Longest first: what is left for the last worker to finish is short.
        pending = deque(sorted(range(len(ids)), key=lambda i: -len(ids[i])))

        def work() -> None:
            while (i := _next(pending)) is not None:
                try:
                    vectors[i] = _run(session, ids[i])
                except Exception:
                    pending.clear()  # the other workers need not go on
                    raise

        workers = min(self._threads, len(ids))
        if workers == 1:
            work()
            return
        for future in [self._workers().submit(work) for _ in range(workers)]:
            future.result()

    def _tokenizer(self) -> TextTokenizer:
        with self._loading:
            if self._loaded_tokenizer is None:
                verify_files(self._folder, self._manifest)
                self._loaded_tokenizer = TextTokenizer(self._folder / "tokenizer.json")
            return self._loaded_tokenizer

    def _session(self) -> onnxruntime.InferenceSession:
        with self._loading:
            if self._loaded_session is None:
                verify_files(self._folder, self._manifest)
                self._loaded_session = open_session(self._folder / "model.onnx")
            return self._loaded_session

    def _workers(self) -> ThreadPoolExecutor:
        with self._loading:
            # A forked process has the pool without its threads: it would wait for ever.
            if self._pool is None or self._pool_process != os.getpid():
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="ragkit-embed")
                self._pool_process = os.getpid()
            return self._pool


def _next(pending: deque[int]) -> int | None:
    try:
        return pending.popleft()
    except IndexError:  # another worker took the last one
        return None


def _run(session: onnxruntime.InferenceSession, ids: list[int]) -> Vectors:
    feed = {"input_ids": np.array([ids], np.int64)}
    vector: Vectors = session.run(["sentence_embedding"], feed)[0][0]
    return vector


def _usable_cores() -> int:
    # Containers and taskset narrow what the process may use; os.cpu_count does not see it.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
