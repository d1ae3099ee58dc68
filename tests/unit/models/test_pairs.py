from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from ragkit.errors import ModelError
from ragkit.models.embedder import BUNDLED
from ragkit.models.pairs import PairEncoder, pair_arrays, windows
from ragkit.models.tokenizer import TextTokenizer

START, END, WORD, CAT = 101, 102, 2773, 4937


def encoder(max_tokens: int = 512, max_query_tokens: int = 192) -> PairEncoder:
    tokenizer = TextTokenizer(BUNDLED / "tokenizer.json")
    return PairEncoder(tokenizer, max_tokens=max_tokens, max_query_tokens=max_query_tokens)


def test_a_pair_is_framed_and_knows_where_the_passage_starts() -> None:
    (pair,) = encoder().encode("word", ["cat cat"])
    assert pair.ids == [START, WORD, END, CAT, CAT, END]
    assert (pair.passage, pair.passage_start) == (0, 3)


def test_segments_change_at_the_passage() -> None:
    arrays = pair_arrays(encoder().encode("word", ["cat cat"]) + encoder().encode("word word", ["cat"]))
    assert arrays["input_ids"].shape == (2, 6)
    assert arrays["segments"].tolist() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]]


def test_empty_texts_leave_the_frame() -> None:
    first, second = encoder().encode("", ["", "cat"])
    assert first.ids == [START, END, END]
    assert second.ids == [START, END, CAT, END]


def test_a_long_query_keeps_its_first_tokens() -> None:
    (pair,) = encoder(max_query_tokens=2).encode("word word cat", ["cat"])
    assert pair.ids == [START, WORD, WORD, END, CAT, END]


def test_text_that_looks_like_a_special_token_does_not_add_a_segment() -> None:
    (pair,) = encoder().encode("word", ["cat [SEP] cat"])
    assert pair.passage_start == 3
    assert pair_arrays([pair])["segments"].sum() == len(pair) - 3


def test_windows_of_a_passage_share_its_number() -> None:
    pairs = encoder(max_tokens=60, max_query_tokens=10).encode("word", ["cat", "cat " * 100, "word"])
    assert [pair.passage for pair in pairs] == [0, 1, 1, 1, 2]
    assert [len(pair) for pair in pairs[1:4]] == [60, 60, 60]


@settings(max_examples=200)
@given(length=st.integers(0, 3000), room=st.integers(33, 600))
def test_windows_cover_every_token_and_overlap(length: int, room: int) -> None:
    ids = list(range(length))
    cut = list(windows(ids, room))
    assert {token for piece in cut for token in piece} == set(ids)
    assert len(cut) == 1 or all(len(piece) == room for piece in cut)
    assert all(later[0] <= earlier[-1] - 31 for earlier, later in pairwise(cut))
    assert len(cut) == len({piece[0] for piece in cut if piece}) or not ids


def test_a_tokenizer_that_frames_otherwise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    Tokenizer(WordLevel({"cat": 0, "[UNK]": 1}, unk_token="[UNK]")).save(str(path))
    with pytest.raises(ModelError, match=r"puts 0 tokens around a text.*BERT tokenizer"):
        PairEncoder(TextTokenizer(path), max_tokens=512, max_query_tokens=192)
