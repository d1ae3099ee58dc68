"""The checks of chat models, on those that ragkit has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.chat import ChatModel
from ragkit.models.replay import ReplayChat
from ragkit.testing.chat import ChatModelChecks
from ragkit_connectors.openai import OpenAIChat
from tests.connectors.chat_server import DONE, USAGE, ChatServer, Hang, Raw, delta, reply, serving, stream


def script(body: dict[str, Any]) -> Raw:
    """Answers after 20 ms, streamed or not."""
    if body.get("stream"):
        return stream(Hang(0.02), delta("Two "), delta("years."), delta("", "stop"), USAGE, DONE)
    return Raw([Hang(0.02), *reply("Two years.").pieces])


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving(script=script) as server:
        yield server


class TestOpenAI(ChatModelChecks):
    @pytest.fixture(autouse=True)
    def _serve(self, server: ChatServer) -> None:
        self.server = server

    def make_model(self) -> ChatModel:
        return OpenAIChat(base_url=self.server.url, model="m", timeout_s=20.0)


class TestReplay(ChatModelChecks):
    @pytest.fixture(autouse=True)
    def _serve(self, server: ChatServer, tmp_path: Path) -> None:
        self.server, self.folder = server, tmp_path

    def make_model(self) -> ChatModel:
        recorded = OpenAIChat(base_url=self.server.url, model="m", timeout_s=20.0)
        return ReplayChat(folder=self.folder, mode="record", model=recorded)
