"""Packs the units of one section into chunks of even length that overlap by whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.ingest.chunk.divide import divided, is_line_structured, sentences
from ragkit.ingest.chunk.measure import Measure
from ragkit.ingest.chunk.units import Unit
from ragkit.types import Span


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest chunk and the longest overlap, in tokens."""

    size: int
    overlap: int = field(kw_only=True)


def pack(text: str, units: Sequence[Unit], limits: Limits, measure: Measure) -> list[Span]:
    """Spans of at most `limits.size` tokens that hold all of `units`; each begins with the end of the last.

    A heading or a lead-in stays with what follows it; a unit is divided only when longer than a chunk.
    """
    small = _small_enough(text, units, limits, measure)
    room = limits.size - limits.overlap
    left = sum(unit.weight for unit in small)
    spans: list[Span] = []
    at = 0
    while at < len(small):
        end = _end_of_chunk(small, at, left, room if spans else limits.size, limits.size)
        end = _fitting_end(small, at, end, limits.size, measure)
        start, stop = small[at].start, small[end - 1].end
        if spans:
            overlap = min(limits.overlap, limits.size - measure(start, stop))
            early = _overlap_start(text, small, at, overlap, spans[-1].start, measure)
            start = early if measure(early, stop) <= limits.size else start
        spans.append(Span(start, stop))
        left -= sum(unit.weight for unit in small[at:end])
        at = end
    return spans


def _small_enough(text: str, units: Sequence[Unit], limits: Limits, measure: Measure) -> list[Unit]:
    small: list[Unit] = []
    heading = 0
    for unit in units:
        # What follows a heading must fit into one chunk with it.
        room = limits.size - heading
        if unit.weight > room:
            small.extend(divided(text, unit, max(room, limits.size // 2, 1), measure))
        else:
            small.append(unit)
        heading = heading + unit.weight if unit.is_heading and heading < limits.size // 2 else 0
    return small


def _end_of_chunk(units: Sequence[Unit], start: int, left: int, room: int, size: int) -> int:
    """Where the chunk that begins at `start` ends: near an even share of what is left, leads kept back."""
    goal = left / -(-left // room)
    weight = 0
    end = start
    only_leads = True
    while end < len(units):
        unit = units[end]
        grown = weight + unit.weight
        if end > start and only_leads and grown > size:
            break
        if not only_leads and (grown > room or grown - goal > goal - weight):
            break
        weight = grown
        only_leads = only_leads and unit.leads
        end += 1
    while end < len(units) and not only_leads and units[end - 1].leads:
        end -= 1
    return end


def _fitting_end(units: Sequence[Unit], start: int, end: int, size: int, measure: Measure) -> int:
    """`end`, moved back until the whole stretch is short enough: estimates of tokens do not add up."""
    while end - start > 1:
        weight = measure(units[start].start, units[end - 1].end)
        if weight <= size:
            break
        end = max(start + 1, min(end - 1, start + (end - start) * size // weight))
    return end


def _overlap_start(text: str, units: Sequence[Unit], at: int, room: int, floor: int, measure: Measure) -> int:
    """Where the chunk whose first new unit is `units[at]` begins: at most `room` tokens before it.

    It begins after `floor`, where the chunk before begins: no chunk holds the whole of another.
    """
    start = units[at].start
    while at > 0 and not units[at - 1].is_heading:
        unit = units[at - 1]
        if unit.start > floor and unit.weight <= room:
            start, room, at = unit.start, room - unit.weight, at - 1
            continue
        if not is_line_structured(text[unit.start : unit.end]):
            for first, last in reversed(list(sentences(text, unit.start, unit.end))):
                weight = measure(first, last)
                if weight > room or first <= floor:
                    break
                start, room = first, room - weight
        break
    while text[start].isspace():
        start += 1
    return start
