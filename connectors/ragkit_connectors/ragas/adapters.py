"""ragkit's chat models and embedders as ragas wants them. ragas is imported when they are made."""

from __future__ import annotations

import os
import re
import warnings
from types import ModuleType
from typing import Any

import anyio.to_thread
from pydantic import BaseModel, ValidationError

from ragkit.chat import ChatModel, Message
from ragkit.errors import ConfigError, InvalidOutputError, MissingExtraError
from ragkit.protocols import Embedder

_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL | re.IGNORECASE)


def collections() -> ModuleType:
    """`ragas.metrics.collections`, with ragas' telemetry off.

    Raises:
        MissingExtraError: ragas is not installed.
        ConfigError: it is, and cannot be imported, as 0.4.3 beside langchain-community 0.4.2 and later.
    """
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import ragas.metrics.collections as found
        except ModuleNotFoundError as e:
            if e.name == "ragas":
                raise MissingExtraError("metric/ragas", package="ragas", extra="ragas") from e
            raise ConfigError(
                f"ragas is installed and cannot be imported: {e}. "
                "Run: pip install 'ragkit[ragas]', which takes versions that fit one another"
            ) from e
    module: ModuleType = found
    return module


def ragas_llm(model: ChatModel, *, max_tokens: int) -> Any:
    """The model as an `InstructorBaseRagasLLM`: a reply is JSON of the class that ragas asks for.

    A reply that is not is asked for once more. It raises ragkit's own errors.
    """
    collections()
    from ragas.llms.base import InstructorBaseRagasLLM

    class Asked(InstructorBaseRagasLLM):  # type: ignore[misc]
        def generate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            raise NotImplementedError("ragkit asks asynchronously: use ascore")

        async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            messages = (Message("user", prompt),)
            schema = response_model.model_json_schema()
            reply = await model.complete(messages, max_tokens=max_tokens, schema=schema)
            try:
                return _read(reply.text, response_model)
            except InvalidOutputError as e:
                said = (Message("assistant", reply.text),) if reply.text.strip() else ()
                again = Message("user", f"That cannot be used: {e}. Reply with the JSON object alone.")
                reply = await model.complete((*messages, *said, again), max_tokens=max_tokens, schema=schema)
                return _read(reply.text, response_model)

    return Asked()


def ragas_embedding(embedder: Embedder) -> Any:
    """The embedder as a `BaseRagasEmbedding`; every text is taken as a query, so that texts compare."""
    collections()
    from ragas.embeddings.base import BaseRagasEmbedding

    class Embedded(BaseRagasEmbedding):  # type: ignore[misc]
        def embed_text(self, text: str, **_: Any) -> list[float]:
            vector: list[float] = embedder.embed([text], "query")[0].tolist()
            return vector

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return await anyio.to_thread.run_sync(self.embed_text, text)

    return Embedded()


def _read(text: str, kind: type[BaseModel]) -> BaseModel:
    bare = text.strip()
    fenced = _FENCED.fullmatch(bare)
    try:
        return kind.model_validate_json(fenced[1] if fenced else bare)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidOutputError(f"{f'{where}: ' if where else ''}{first['msg']}") from e
