"""An answer in a terminal while it is made: each sentence when it is checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from ragkit.cli.show import plain, print_answer, print_sources
from ragkit.events import Retracted, Shown, SoFar

if TYPE_CHECKING:
    from ragkit.events import Event
    from ragkit.types import Answer


def is_live() -> bool:
    """Whether somebody watches: into a file or a pipe an answer goes as a whole."""
    return sys.stdout.isatty()


def print_live(events: Iterable[Event]) -> Answer:
    """Prints sentences as they come, then the sources; gives the answer.

    A sentence that is taken back is named, and the answer printed as it stands in the end. Where the events
    break off, that is said below what was printed, and the error goes on.
    """
    console = Console(highlight=False)
    so_far, printed, is_true = SoFar(), "", True
    try:
        for event in events:
            if isinstance(event, Shown):
                piece = event.gap + event.text if so_far.shown else event.text
                console.print(plain(piece, "bold"), end="")
                printed += piece
            elif isinstance(event, Retracted):
                is_true = False
                gone = next(piece.text for piece in so_far.shown if piece.id == event.id)
                console.print(plain(f"\n  taken back: “{gone}”", "yellow"))
            so_far.take(event)
    finally:
        if so_far.shown:
            console.print()
        if so_far.shown and not so_far.is_whole:
            console.print(plain("  broken off: what stands above is not the answer", "yellow"))
    answer = so_far.answer()
    if is_true and printed == answer.text:
        print_sources(answer)
    else:
        print_answer(answer)
    return answer
