"""What passes to a worker and back is what it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import DocumentError, ModelError, RateLimitError
from ragkit.fields import FieldSpec
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.embed import Passages
from ragkit.ingest.making import Given, Making
from ragkit.text.analyze import Analyzer
from ragkit.types import Document, MetadataValue, Section, Span
from ragkit_connectors.ray.crew import raised
from ragkit_connectors.ray.wire import (
    NotPlainError,
    cut_json,
    cut_of,
    document_json,
    document_of,
    error_json,
    error_of,
    pack,
    pack_passages,
    passages_of,
    unpack,
)

TEXTS = st.text(max_size=40)  # lone surrogates included
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans())
VALUES: st.SearchStrategy[MetadataValue] = st.one_of(
    st.none(), SCALARS, st.lists(SCALARS, max_size=3), st.lists(SCALARS, max_size=3).map(tuple)
)


@given(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=4), st.lists(st.binary(max_size=20), max_size=3))
def test_a_document_comes_back_as_it_was(
    text: str, metadata: dict[str, MetadataValue], blobs: list[bytes]
) -> None:
    span = Span(0, len(text))
    section = Section(text, span=span, level=2)
    document = Document(
        "ид",
        text,
        metadata=metadata,
        uri=text,
        acl=("staff",),
        pages=(span,),
        sections=(section,),
        blocks=(span,),
    )
    head, back = unpack(pack(document_json(document), *blobs))
    assert document_of(head) == document
    assert {key: type(value) for key, value in document_of(head).metadata.items()} == {
        key: type(value) for key, value in metadata.items()
    }
    assert back == blobs


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"a": 1},
        [object()],
        b"bytes",
        {1, 2},
        np.float64(0.5),
        pytest.param(10**5_000, id="huge"),
        pytest.param([-(10**5_000)], id="a huge one"),
    ],
)
def test_what_json_would_change_is_not_sent(value: MetadataValue) -> None:
    with pytest.raises(NotPlainError):
        document_json(Document("a", "text", metadata={"k": value}))


def test_passages_of_both_languages_come_back_as_they_were() -> None:
    text = (
        "# Guide\n\n"
        + "The pump runs at 3 bar. " * 60
        + "\n\n## Часть\n\n"
        + "Насос работает без сбоев. " * 60
    )
    document = Document(
        "a.md", text, uri="a.md", metadata={"lang": "ru"}, pages=(Span(0, 700), Span(700, len(text)))
    )
    fields: dict[str, FieldSpec] = {}
    making = Making(
        RecursiveChunker(size=60, overlap=5), Analyzer(), fields=fields, given=Given(), fingerprint="f"
    )
    cut = making.cut(document, "acme")
    assert len(cut.chunks) > 3
    back, _ = unpack(pack(cut_json(making.cut(document, ""))))
    assert cut_of(back, document, "acme", "f") == cut


@given(st.integers(0, 5), st.integers(1, 4))
def test_vectors_and_readings_come_back_bit_for_bit(n: int, dimension: int) -> None:
    vectors = np.random.default_rng(n).normal(size=(n, dimension)).astype(np.float32)
    readings = [bytes([i]) * i for i in range(n)]
    back = passages_of(*unpack(pack_passages(Passages(vectors, readings))))
    assert back.vectors.tobytes() == vectors.tobytes()
    assert back.vectors.shape == (n, dimension)
    assert list(back.readings) == readings


def test_an_error_comes_back_as_it_was() -> None:
    error = DocumentError("пусто", stage="parse", rejected=True, blank=True)
    back = error_of(json.loads(json.dumps(error_json(error))))
    assert vars(back) == vars(error)
    assert str(back) == str(error)


def test_the_error_of_a_model_keeps_its_name_and_its_words() -> None:
    assert type(raised("ModelError", "NaN")) is ModelError
    assert type(raised("RateLimitError", "slow")) is RateLimitError
    assert type(raised("RuntimeError", "boom")) is RuntimeError
    own = raised("InvalidArgument", "axis")
    assert (type(own).__name__, str(own), isinstance(own, ModelError)) == ("InvalidArgument", "axis", True)
