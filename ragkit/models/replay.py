"""`llm/replay`: records what a chat model answers, and gives it again without the model or a network."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import ConfigError, ModelError, ModelRequestError
from ragkit.settings import ChatModelRef, Settings

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Cassette:
    """A recorded call: what was asked, the pieces of the answer, and its completion."""

    asked: Mapping[str, Any]
    pieces: tuple[str, ...] = field(kw_only=True)
    completion: Completion = field(kw_only=True)

    def write(self, folder: Path) -> None:
        """Puts it into its file, whole or not at all."""
        told = {"asked": self.asked, "pieces": self.pieces, "completion": asdict(self.completion)}
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False) as file:
            json.dump(told, file, ensure_ascii=True, indent=1, sort_keys=True)
        Path(file.name).replace(folder / file_name(self.asked))

    @classmethod
    def read(cls, path: Path) -> Cassette:
        """What a file holds.

        Raises:
            ModelError: it is no recording.
        """
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                told["asked"], pieces=tuple(told["pieces"]), completion=Completion(**told["completion"])
            )
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise ModelError(f"{path} is no recording of llm/replay: {e}. Delete it and record again") from e


def file_name(asked: Mapping[str, Any]) -> str:
    """The name of a recording's file: a hash of what was asked."""
    text = json.dumps({"format": FORMAT, **asked}, sort_keys=True, ensure_ascii=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


class ReplayChat:
    """Gives recorded answers again, so that tests and evaluations need neither network nor money.

    A recording is found by what was asked: messages, limits and schema. Keep a folder for each model. Tokens
    and cost are those of the recording. What a stream brought is streamed in the same pieces.

    Example:
        ReplayChat(folder="cassettes", mode="record", model=OpenAIChat(base_url="…", model="qwen3-8b"))
    """

    class Config(Settings):
        folder: Path = Field(description="Where recordings lie, a file for each call.")
        model: ChatModelRef | None = Field(None, description="Name of the model under `models:` to record.")
        mode: Literal["replay", "record"] = Field(
            "replay", description="record asks the model for what is not there yet; replay never does."
        )
        name: str = Field("replay", min_length=1, description="What the model is called where none is given.")

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/replay", settings)
        model = self.config.model
        if self.config.mode == "record" and not isinstance(model, ChatModel):
            raise ConfigError("llm/replay: mode: record needs model: the chat model that is to be recorded")
        self._model: ChatModel | None = model if isinstance(model, ChatModel) else None

    @property
    def name(self) -> str:
        """That of the recorded model, where it is known."""
        return self._model.name if self._model else self.config.name

    @property
    def fingerprint(self) -> str:
        """The folder's name, which stands for the model."""
        return f"replay|{self.config.folder.name}|{self.name}"

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The recorded answer, see `ragkit.chat.ChatModel`.

        Raises:
            ModelRequestError: there is no recording of this call.
        """
        asked = _asked(messages, max_tokens, temperature, schema)
        found = self._found(asked)
        if found is not None:
            return found.completion
        done = await self._recorded().complete(
            messages, max_tokens=max_tokens, temperature=temperature, schema=schema, timeout_s=timeout_s
        )
        Cassette(asked, pieces=(done.text,), completion=done).write(self.config.folder)
        return done

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The recorded pieces, then the completion. A stream that is not read to its end is not recorded."""
        asked = _asked(messages, max_tokens, temperature, schema)
        found = self._found(asked)
        if found is not None:
            for text in filter(None, found.pieces):
                yield Delta(text)
            yield found.completion
            return
        pieces: list[str] = []
        events = self._recorded().stream(
            messages, max_tokens=max_tokens, temperature=temperature, schema=schema, timeout_s=timeout_s
        )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Delta):
                    pieces.append(event.text)
                else:
                    Cassette(asked, pieces=tuple(pieces), completion=event).write(self.config.folder)
                yield event

    def _found(self, asked: Mapping[str, Any]) -> Cassette | None:
        path = self.config.folder / file_name(asked)
        if path.exists():
            return Cassette.read(path)
        if self._model is None or self.config.mode == "replay":
            raise ModelRequestError(
                f"llm/replay: no recording of this call in {self.config.folder} (sought {path.name}). "
                "Record it once with mode: record and model: of this entry"
            )
        return None

    def _recorded(self) -> ChatModel:
        assert self._model is not None
        return self._model


def _asked(
    messages: Sequence[Message],
    max_tokens: int | None,
    temperature: float | None,
    schema: Mapping[str, Any] | None,
) -> dict[str, Any]:
    if not messages:
        raise ModelRequestError("there is no message to answer. Give at least one")
    said = [[message.role, message.text] for message in messages]
    return {
        "messages": said,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "schema": None if schema is None else dict(schema),
    }
