"""Events as lines of JSON, for programs; their keys are a contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ragkit.cli.ask import answer_json, citation_json, usage_json
from ragkit.cli.options import print_json_line
from ragkit.errors import RagkitError
from ragkit.events import Done, Retracted, Shown, SoFar, Spent

if TYPE_CHECKING:
    from ragkit.events import Event
    from ragkit.types import Answer


def print_events(events: Iterable[Event]) -> Answer:
    """Prints each event as it comes. The last line is `done` with the whole answer, or `error`.

    Raises what the events raise, after that line.
    """
    so_far = SoFar()
    try:
        for event in events:
            so_far.take(event)
            print_json_line(event_json(event, so_far))
    except RagkitError as e:
        print_json_line({"event": "error", "type": type(e).__name__, "error": str(e)})
        raise
    return so_far.answer()


def event_json(event: Event, so_far: SoFar) -> dict[str, Any]:
    """The machine form of an event; `so_far` has taken it. That of `Done` has the keys of `ask --json`."""
    if isinstance(event, Shown):
        citations = [citation_json(c) for c in event.sentence.citations]
        sentence = {"text": event.sentence.text, "citations": citations}
        return {
            "event": "shown",
            "id": event.id,
            "text": event.text,
            "gap": event.gap,
            "sentence": sentence,
        }
    if isinstance(event, Retracted):
        return {"event": "retracted", "id": event.id}
    if isinstance(event, Spent):
        return {"event": "spent", "usage": usage_json(event.usage)}
    if isinstance(event, Done):
        return {"event": "done", **answer_json(so_far.answer())}
    return {"event": "token", "text": event.text, "draft": event.draft}
