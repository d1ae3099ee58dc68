"""One metric of ragas, asked for one answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pydantic import Field

from ragkit.chat import ChatModel
from ragkit.errors import ConfigError, InvalidOutputError, ModelError, did_you_mean
from ragkit.protocols import Embedder
from ragkit.settings import ChatModelRef, EmbedderRef, Settings
from ragkit_connectors.ragas.adapters import collections, ragas_embedding, ragas_llm
from ragkit_connectors.ragas.catalogue import ARGUMENTS, METRICS, Entry


class RagasScorer:
    """A metric of ragas. It runs in this process, sends nothing but to the model, and gives no NaN.

    What ragas turns into NaN (a reply that cannot be read, no statement to check), and a value outside of the
    metric's range, is an error here.

    Example:
        RagasScorer(metric="faithfulness", model=OpenAIChat(base_url="…", model="qwen3-8b"))
    """

    class Config(Settings):
        metric: str = Field(min_length=1, description=f"One of {', '.join(METRICS)}.")
        model: ChatModelRef | None = Field(None, description="Name of a chat model under `models:`.")
        embedder: EmbedderRef | None = Field(None, description="Name of an embedder, where one is needed.")
        max_tokens: int = Field(2048, ge=16, description="Of a reply: it lists every statement.")

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("metric/ragas", settings)
        name = self.config.metric
        if name not in METRICS:
            raise ConfigError(
                f"ragas.{name}: there is no such metric.{did_you_mean(name, METRICS)} "
                f"There are: {', '.join(METRICS)}"
            )
        model, embedder = self.config.model, self.config.embedder
        self._model = model if isinstance(model, ChatModel) else None
        self._embedder = embedder if isinstance(embedder, Embedder) else None
        if self._entry.asks and self._model is None:
            raise ConfigError(f"ragas.{name} needs model: a chat model (llm/…) that it asks")
        if self._entry.embeds and self._embedder is None:
            raise ConfigError(f"ragas.{name} needs embedder: an embedder (embed/…)")

    @property
    def name(self) -> str:
        """`ragas.faithfulness`."""
        return f"ragas.{self.config.metric}"

    @property
    def shown(self) -> frozenset[str]:
        """What it must be given: of question, answer, passages and reference."""
        return self._entry.shown

    async def score(
        self, *, question: str = "", answer: str = "", passages: Sequence[str] = (), reference: str = ""
    ) -> float:
        """The value for one answer; what the metric does not look at may be left out.

        Raises:
            MissingExtraError: ragas is not installed.
            ModelError: the model could not be asked, or no value can be made of what it said.
        """
        given = {"question": question, "answer": answer, "passages": list(passages), "reference": reference}
        arguments = {ARGUMENTS[key]: value for key, value in given.items() if key in self.shown}
        if empty := [key for key in self.shown if not given[key]]:
            raise InvalidOutputError(f"{self.name}: there is no {' and no '.join(sorted(empty))} to look at")
        try:
            result = await self._metric.ascore(**arguments)
        except ModelError:
            raise
        except Exception as e:  # ragas and what it stands on raise whatever they like
            raise InvalidOutputError(f"{self.name}: {type(e).__name__}: {e}") from e
        return self._checked(result.value)

    def _checked(self, value: Any) -> float:
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidOutputError(
                f"{self.name}: ragas gave {value!r}: nothing could be made of the replies"
            )
        if not self._entry.least - 1e-6 <= value <= 1 + 1e-6:
            raise InvalidOutputError(f"{self.name}: ragas gave {value!r}, which is out of its range")
        return min(1.0, max(self._entry.least, float(value)))

    @property
    def _entry(self) -> Entry:
        return METRICS[self.config.metric]

    @cached_property
    def _metric(self) -> Any:
        made: dict[str, Any] = {}
        if self._entry.asks and self._model is not None:
            made["llm"] = ragas_llm(self._model, max_tokens=self.config.max_tokens)
        if self._entry.embeds and self._embedder is not None:
            made["embeddings"] = ragas_embedding(self._embedder)
        return getattr(collections(), self._entry.cls)(**made)
