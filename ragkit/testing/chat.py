"""What every chat model must do."""

from __future__ import annotations

import random
from abc import abstractmethod
from contextlib import aclosing

import anyio

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import ModelError

ASKED = (Message("user", "How long does the warranty last?"),)
_REASONS = ("stop", "length", "content_filter", "unknown")


class ChatModelChecks:
    """Subclass it and say how the model is made. It is asked some 70 times; let its answers be short."""

    @abstractmethod
    def make_model(self) -> ChatModel:
        """A model that answers anything with some text, within seconds."""

    def test_it_has_a_name_and_a_steady_fingerprint(self) -> None:
        """Two models that were made alike have the same."""
        model, twin = self.make_model(), self.make_model()
        assert isinstance(model, ChatModel)
        assert model.name
        assert model.fingerprint
        assert model.fingerprint == twin.fingerprint

    def test_it_answers(self) -> None:
        """With text, a reason, and counts that are unknown or none below nought."""
        done = anyio.run(self.make_model().complete, ASKED)
        assert done.text.strip()
        assert done.finish_reason in _REASONS
        assert done.attempts >= 1
        assert all(n is None or n >= 0 for n in (done.input_tokens, done.output_tokens, done.usd))

    def test_a_stream_ends_with_its_completion(self) -> None:
        """One, at the end, and its text is all pieces joined."""
        events = anyio.run(_streamed, self.make_model())
        *pieces, last = events
        assert isinstance(last, Completion)
        assert all(isinstance(piece, Delta) for piece in pieces)
        assert "".join(piece.text for piece in pieces) == last.text

    def test_nothing_to_answer_is_refused(self) -> None:
        """No message at all is a `ModelError`, streamed or not."""

        async def refused() -> None:
            model = self.make_model()
            for call in (model.complete(()), _all_of(model, ())):
                try:
                    await call
                except ModelError:
                    continue
                raise AssertionError("it answered nothing at all")

        anyio.run(refused)

    def test_calls_go_on_side_by_side(self) -> None:
        """Ten at a time, each with its answer."""
        texts: list[str] = []

        async def ask(model: ChatModel) -> None:
            texts.append((await model.complete(ASKED)).text)

        async def ten() -> None:
            model = self.make_model()
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(ask, model)

        anyio.run(ten)
        assert len(texts) == 10

    def test_cancelled_calls_do_no_harm(self) -> None:
        """After 40 calls that were cancelled at any point, the next ones are answered."""

        async def impatient(model: ChatModel, seconds: float) -> None:
            with anyio.move_on_after(seconds):
                await (model.complete(ASKED) if random.random() < 0.5 else _streamed(model))  # noqa: S311

        async def storm() -> None:
            model, rng = self.make_model(), random.Random(1)  # noqa: S311
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(impatient, model, rng.uniform(0.0, 0.05))
            for _ in range(3):
                assert (await model.complete(ASKED)).text
                assert await _streamed(model)

        anyio.run(storm)

    def test_a_stream_may_be_left_early(self) -> None:
        """Closed after its first piece, it does no harm to the next call."""

        async def leave() -> None:
            model = self.make_model()
            for _ in range(3):
                async with aclosing(model.stream(ASKED)) as events:
                    await anext(events)
            assert (await model.complete(ASKED)).text

        anyio.run(leave)

    def test_it_serves_several_event_loops(self) -> None:
        """One after the other, as a synchronous program makes them."""
        model = self.make_model()
        assert all(anyio.run(model.complete, ASKED).text for _ in range(2))


async def _streamed(model: ChatModel) -> list[Delta | Completion]:
    return await _all_of(model, ASKED)


async def _all_of(model: ChatModel, messages: tuple[Message, ...]) -> list[Delta | Completion]:
    async with aclosing(model.stream(messages)) as events:
        return [event async for event in events]
