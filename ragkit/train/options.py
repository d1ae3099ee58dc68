"""What a user decides about a training, and how it tells what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ragkit.config.spec import Config
from ragkit.train.passages import Reader

DeviceChoice = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training as it is asked for.

    Args:
        config: of the collection to train for.
        out: folder of the result.
        reader: who reads the collection.
        questions: file or folder, see `ragkit.train.questions`; None: all are generated.
        qrels: the judgements, where the questions need some and they do not lie beside them.
        generate: how many questions to make from the collection; None: 2,000 where fewer than 300 are given.
        start: folder of the model to start from; the bundled reranker by default.
        learn: `head`: what the model makes of a question, on the bundled reranker alone; `all`: every layer;
            None: a head where the start allows one.
        device: where it is computed; a head on the CPU.
        epochs: times that each question is seen at most; None: 6 for a head, else 3.
        batch: questions that one step takes; None: 16 for a head, else 8.
        group_size: passages to a question; None: 16 for a head, else 8 on a GPU, 4 without.
        learning_rate: its peak; None: 3e-4 for a head, 2e-5 from a reranker, 5e-5 from an encoder.
        candidates: passages that the first stage hands over, in training and in the report; None: as many as
            the default graph reranks for a head, else 50.
        time_limit_s: of the training proper.
        seed: of the parts, the generated questions and the training.
        name: of the model; the name of `out` by default.
        restart: forgets a checkpoint.
        overwrite: replaces a model in `out`.
        any_language: goes on where the start model does not know the collection's language.
        command: what was called, for the model card.
    """

    config: Config = field(repr=False)
    out: Path
    reader: Reader = field(default_factory=Reader, kw_only=True)
    questions: Path | None = field(default=None, kw_only=True)
    qrels: Path | None = field(default=None, kw_only=True)
    generate: int | None = field(default=None, kw_only=True)
    start: Path | None = field(default=None, kw_only=True)
    learn: Literal["head", "all"] | None = field(default=None, kw_only=True)
    device: DeviceChoice = field(default="auto", kw_only=True)
    epochs: int | None = field(default=None, kw_only=True)
    batch: int | None = field(default=None, kw_only=True)
    group_size: int | None = field(default=None, kw_only=True)
    learning_rate: float | None = field(default=None, kw_only=True)
    candidates: int | None = field(default=None, kw_only=True)
    time_limit_s: float | None = field(default=None, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    restart: bool = field(default=False, kw_only=True)
    overwrite: bool = field(default=False, kw_only=True)
    any_language: bool = field(default=False, kw_only=True)
    command: str = field(default="", kw_only=True)


class Teller(Protocol):
    """Is told how far a training is; a bar on the terminal, lines in a log, or nothing."""

    def phase(self, name: str, total: int) -> None:
        """A part of the work begins that takes `total` steps."""
        ...

    def advance(self, done: int | None = None, what: str = "") -> None:
        """One step of the phase was done, or `done` are done in all; `what` is at hand."""
        ...

    def note(self, text: str) -> None:
        """A finding that is worth a line."""
        ...


class Silent:
    """Tells nobody."""

    def phase(self, name: str, total: int) -> None:
        """Nothing."""

    def advance(self, done: int | None = None, what: str = "") -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
