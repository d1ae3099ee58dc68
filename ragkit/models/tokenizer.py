"""Texts to token ids and token spans, with the tokenizer that a model was trained with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from ragkit.errors import ModelError

# One character for one character, so that spans still count in the caller's text.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


class TextTokenizer:
    """Reads `tokenizer.json`, or `content` where that was read already.

    Many threads may share one object: nothing in it changes after loading.

    Lone surrogates, which are no text and which the tokenizer refuses, count as U+FFFD.

    >>> from ragkit.models.embedder import BUNDLED
    >>> tokenizer = TextTokenizer(BUNDLED / "tokenizer.json")
    >>> tokenizer.spans("Unit tests")
    [(0, 4), (5, 10)]
    """

    def __init__(self, path: Path, content: bytes | None = None):
        try:
            self._tokenizer = Tokenizer.from_buffer(path.read_bytes() if content is None else content)
        except Exception as error:  # the Rust library raises bare Exception
            raise ModelError(
                f"{path} is not a tokenizer: {error}. Name the tokenizer.json of a model, fetched whole."
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
        """Token ids of each text with the model's special tokens, at most `max_tokens` of them.

        A longer text loses its end; the closing special token stays.
        """
        encodings = self._tokenizer.encode_batch_fast([_clean(text) for text in texts])
        return [_cut(encoding.ids, max_tokens) for encoding in encodings]

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, nothing cut and nothing added."""
        encodings = self._tokenizer.encode_batch_fast(
            [_clean(text) for text in texts], add_special_tokens=False
        )
        return [encoding.ids for encoding in encodings]

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, nothing cut, special tokens not counted."""
        encodings = self._tokenizer.encode_batch_fast(
            [_clean(text) for text in texts], add_special_tokens=False
        )
        return [len(encoding) for encoding in encodings]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in characters of `text`, of each of its tokens in reading order; nothing is cut.

        Characters that the tokenizer drops (blanks, controls) lie between spans. A character may be
        several tokens, so spans can repeat.
        """
        encoding = self._tokenizer.encode_batch([_clean(text)], add_special_tokens=False)[0]
        return list(encoding.offsets)

    @property
    def special_tokens(self) -> int:
        """How many tokens the model adds to a text (a start and an end, for BERT)."""
        return int(self._special)


def _clean(text: str) -> str:
    return _LONE_SURROGATE.sub(_REPLACEMENT, text) if not text.isascii() else text


def _cut(ids: list[int], max_tokens: int) -> list[int]:
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]
