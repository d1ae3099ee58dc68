"""An answer that a stage writes piece by piece, told to those who listen while it grows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import anyio

from ragkit.events import Begun, Part, Token
from ragkit.graph.following import Onward
from ragkit.graph.stage import RunContext
from ragkit.graph.threads import in_thread
from ragkit.types import Answer

# Near a mark that may end a sentence, or behind a line, there may be a piece more that is certain.
_MAY_END = re.compile(r"[.!?…。！？｡؟۔।:|\n]")
_NEAR = 48


class Writing:
    """Tells tokens as they come, and now and then a part of the answer that has been checked.

    Checking keeps up with the writing in a task beside it: it looks at the text as it is when the check
    before has ended. What a check raises is noted and ends the checking alone, for the stage that follows
    will raise it by itself.

    Example:
        async with writing(ctx, draft) as told:
            told.write("It lasts two years. [1]")
    """

    def __init__(self, ctx: RunContext, draft: Answer, onward: Onward) -> None:
        self._ctx, self._draft, self._onward = ctx, draft, onward
        self._start_s = perf_counter()
        self._text = ""
        self._grown, self._has_ended = asyncio.Event(), False
        self._tell(Begun())

    def write(self, piece: str) -> None:
        """Adds a piece to the text. It must be sure to belong to it."""
        if not piece:
            return
        if not self._text:
            self._ctx.note(first_token_s=round(perf_counter() - self._start_s, 6))
        self._text += piece
        if self._onward.shows_tokens:
            self._tell(Token(piece))
        if _MAY_END.search(self._text, max(0, len(self._text) - len(piece) - _NEAR)):
            self._grown.set()

    async def follow(self) -> None:
        """Checks what is there, whenever there is more, until the writing has ended."""
        while True:
            await self._grown.wait()
            self._grown.clear()
            if self._has_ended:
                return
            try:
                part = await in_thread(self._onward.follow, self._draft.with_(text=self._text))
            except Exception as error:
                self._ctx.note(following=f"{type(error).__name__}: {error}")
                return
            self._tell(Part(part))

    def end(self) -> None:
        """There is no more text. A check that is under way is waited for: its result is needed anyhow."""
        self._has_ended = True
        self._grown.set()

    def _tell(self, event: Begun | Token | Part) -> None:
        # Looked at each time: a stage whose time is over is not listened to any more.
        if self._ctx.emit is not None:
            self._ctx.emit(event)


@asynccontextmanager
async def writing(ctx: RunContext, draft: Answer) -> AsyncIterator[Writing | None]:
    """What a stage tells of an answer while it writes; None where nobody may see anything before its end.

    Args:
        ctx: of the run of the stage.
        draft: the answer without its text.
    """
    onward = None if ctx.onward is None else ctx.onward(draft)
    if onward is None:
        yield None
        return
    told = Writing(ctx, draft, onward)
    task = asyncio.ensure_future(told.follow())
    try:
        yield told
        told.end()
        await task
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task})
