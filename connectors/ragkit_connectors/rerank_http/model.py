"""The model behind `rerank/http`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ragkit.errors import ContextTooLongError, InvalidOutputError
from ragkit.graph.sync import run_sync
from ragkit.protocols import Vectors
from ragkit_connectors.openai.account import Account, Used
from ragkit_connectors.openai.batches import halves
from ragkit_connectors.openai.calls import Calls, side_by_side
from ragkit_connectors.openai.pacing import Pacing
from ragkit_connectors.rerank_http.protocols import PROTOCOLS, scores_of, units_of
from ragkit_connectors.rerank_http.settings import RerankSettings

# Servers refuse an empty text; a space has as little meaning.
_NOTHING = " "
# A probability next to 0 or 1 says no more than this: services round theirs.
_NEAREST = 1e-7


class HttpReranker:
    """A reranking model that a server runs: Cohere, Jina, text-embeddings-inference, vLLM, Infinity …

    For `rerank/model`, as any reranker. What `score` gives are logits, whatever the server's scale: a
    probability `p` counts as `log(p / (1 - p))`. So they are blended with the order before as those of other
    models are (`first_weight` of the stage), and the scores of the hits are probabilities.

    Passages go out in batches, several at once; a batch that the server refuses as too long is cut in two.
    Scores come back by their index; one that is missing, double or no number is an error, and the stage's
    `on_error` says what then: `skip` leaves the order as it was.

    Example:
        HttpReranker(protocol="tei", base_url="http://localhost:8080")
    """

    Config = RerankSettings

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("rerank/http", settings)
        c = self.config
        self._protocol = PROTOCOLS[c.protocol]
        pacing = Pacing(requests_per_minute=c.requests_per_minute)
        self._calls = Calls(c, at_once=c.at_once, pacing=pacing)
        self._account = Account(self.name, price=c.price)
        by_default = "logit" if self._protocol.gives_logits else "probability"
        self._is_probability = (c.scale or by_default) == "probability"

    @property
    def name(self) -> str:
        """The model's name at the server, else its protocol."""
        return self.config.model or self.config.protocol

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    @property
    def blend(self) -> Mapping[str, Any]:
        """The model alone, as a probability; `first_weight` of the stage gives the order before a share."""
        return {"model": 1.0, "first": 0.0}

    @property
    def used(self) -> Used:
        """Requests, units that were billed, and money so far."""
        return self._account.used

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One logit per text, shape `[n]`, float32, higher is better, in the order of `texts`.

        Raises:
            ModelError: the server cannot be reached, refuses, or gave what is no score for each text; the
                kind of error says what to do.
        """
        return run_sync(self.ascore(query, texts))

    async def ascore(self, query: str, texts: Sequence[str]) -> Vectors:
        """As `score`, in the running event loop.

        Raises:
            ModelError: as for `score`.
        """
        found = np.empty(len(texts), dtype=np.float64)
        asked, sent = _readable(query), [_readable(text) for text in texts]

        async def score(batch: range) -> None:
            some = slice(batch.start, batch.stop)
            try:
                found[some] = await self._batch(asked, sent[some])
            except ContextTooLongError:
                if len(batch) == 1:
                    raise
                for half in halves(batch):
                    await score(half)

        size = self.config.batch_size or self._protocol.most_texts
        await side_by_side(score, [range(i, min(i + size, len(sent))) for i in range(0, len(sent), size)])
        return self._logits(found)

    def probe(self) -> str:
        """Asks the server for a score; for `ragkit check`.

        Raises:
            ModelError: as for `score`.
        """
        self.score("check", ["check"])
        return f"{self.name}, {self.config.protocol} at {self.config.endpoint}"

    async def aclose(self) -> None:
        """Closes the connections of the running event loop that are idle; the model can still be used."""
        await self._calls.close()

    async def _batch(self, query: str, texts: Sequence[str]) -> list[float]:
        c = self.config
        body = {"model": c.model} if c.model and c.protocol != "tei" else {}
        body |= self._protocol.fields(c, query, texts) | c.extra
        told, attempts = await self._calls.reply(
            json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        )
        self._account.enter(units_of(told), attempts=attempts)
        try:
            return scores_of(told, len(texts), self._protocol)
        except InvalidOutputError as e:
            raise InvalidOutputError(f"{self._calls.where}: {self._calls.hidden(e)}") from e

    def _logits(self, scores: np.ndarray[Any, np.dtype[np.float64]]) -> Vectors:
        # As float32, in which they go on: what is beyond it is infinite there.
        with np.errstate(over="ignore"):
            known = np.isfinite(scores.astype(np.float32))
        if not known.all():
            row = int(np.flatnonzero(~known)[0])
            raise InvalidOutputError(
                f"{self._calls.where}: the score of passage {row + 1} of {len(scores)} is NaN or infinite. "
                "Check the model's files and its number format (fp16 may overflow)"
            )
        if self._is_probability:
            outside = scores[(scores < 0.0) | (scores > 1.0)]
            if outside.size:
                raise InvalidOutputError(
                    f"{self._calls.where}: a score of {outside[0]:.6g} is no probability. Set scale: logit"
                )
            near = np.clip(scores, _NEAREST, 1.0 - _NEAREST)
            scores = np.log(near) - np.log1p(-near)
        return np.asarray(scores, dtype=np.float32)


def _readable(text: str) -> str:
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole if whole.strip() else _NOTHING
