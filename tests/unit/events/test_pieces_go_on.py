"""An answer that is taken apart as it grows comes apart as it does in whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.events.pieces import Piece, pieces
from ragkit.types import Answer, Citation, QueryPlan, Sentence

PLAN = QueryPlan.of("How long?")
SAID = st.sampled_from(["Two years.", "Два года.", "- no more", "| a | b |", "[3] is a number", "Two years"])
MARKERS = st.lists(st.integers(1, 3), max_size=2, unique=True)
GAPS = st.sampled_from([" ", "\n", "\n\n"])


def sentence(said: str, markers: list[int]) -> Sentence:
    cited = (
        Citation(m, document_id="d", start=0, end=1, quote="a", chunk_id="c", support=1.0) for m in markers
    )
    return Sentence(said, citations=tuple(cited))


@given(st.lists(st.tuples(st.builds(sentence, SAID, MARKERS), GAPS), max_size=6))
def test_part_by_part_is_as_in_whole(written: list[tuple[Sentence, str]]) -> None:
    before: tuple[Piece, ...] = ()
    text = ""
    for n, (said, gap) in enumerate(written, 1):
        text = f"{text}{gap}{said.marked}" if text else said.marked
        part = Answer(PLAN, text=text, sentences=tuple(s for s, _ in written[:n]))
        before = pieces(part, before)
        assert before == pieces(part)


@given(st.lists(st.builds(sentence, SAID, MARKERS), min_size=1, max_size=5), st.integers(0, 4))
def test_another_draft_is_taken_apart_anew(said: list[Sentence], at: int) -> None:
    first = pieces(Answer(PLAN, text=" ".join(s.marked for s in said), sentences=tuple(said)))
    other = list(said)
    other[at % len(said)] = Sentence("Another one.")
    answer = Answer(PLAN, text="\n".join(s.marked for s in other), sentences=tuple(other))
    assert pieces(answer, first) == pieces(answer)
