"""A model of natural language inference as the judge of support: real classes, a tiny model made here."""

from __future__ import annotations

import importlib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit import registry
from ragkit.errors import ModelError
from ragkit.protocols import Reranker
from ragkit.types import Answer
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.support import RerankerSupport, scale_of
from tests.unit.making import chunk, context, run_context

torch = pytest.importorskip("torch", reason="needs the extra sentence-transformers: make test EXTRAS=all")
library: Any = pytest.importorskip(
    "sentence_transformers", reason="needs the extra sentence-transformers: make test EXTRAS=all"
)

pytestmark = [
    pytest.mark.torch,
    # Deprecations inside torch and transformers are theirs to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

ORDERS = [("entailment", "neutral", "contradiction"), ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")]
TEXTS = ["The warranty lasts 24 months.", "Гарантия действует два года. " * 9, ""]


def saved(path: Path, labels: tuple[str, ...], likely: str = "") -> Path:
    """A cross-encoder with these classes, random weights but for the one class that is made likely."""
    transformers: Any = importlib.import_module("transformers")
    tokenizers: Any = importlib.import_module("tokenizers")
    torch.manual_seed(0)
    with resources.as_file(resources.files("ragkit.models") / "bundled/minilm/tokenizer.json") as file:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **names)
    fast.save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )
    model = transformers.BertForSequenceClassification(config)
    if likely:
        model.classifier.bias.data[labels.index(likely)] = 9.0
    model.save_pretrained(path, safe_serialization=True)
    library.CrossEncoder(str(path), device="cpu").save_pretrained(str(path))
    return path


@pytest.mark.parametrize("labels", ORDERS)
def test_the_score_is_the_probability_of_the_class_that_the_config_names(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    folder = saved(tmp_path, labels)
    model = registry.load("rerank/entailment")(model=str(folder), device="cpu")
    assert isinstance(model, Reranker)
    claim = "It lasts two years."
    theirs = library.CrossEncoder(str(folder), device="cpu").predict(
        [(text, claim) for text in TEXTS], apply_softmax=True, activation_fn=torch.nn.Identity()
    )
    number = [label.lower() for label in labels].index("entailment")
    np.testing.assert_allclose(model.score(claim, TEXTS), theirs[:, number], atol=1e-5)
    assert model.score(claim, []).shape == (0,)


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("entailment",), ("a", "b")])
def test_a_model_without_a_class_of_entailment_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    model = registry.load("rerank/entailment")(model=str(saved(tmp_path, labels)), device="cpu")
    with pytest.raises(ModelError, match=r"has the classes .*one of them 'entailment'.*label:"):
        model.score("It lasts two years.", TEXTS)


def test_the_class_may_be_named(tmp_path: Path) -> None:
    folder = saved(tmp_path, ("LABEL_0", "LABEL_1", "LABEL_2"), likely="LABEL_2")
    model = registry.load("rerank/entailment")(model=str(folder), device="cpu", label="label_2")
    assert (model.score("It lasts two years.", TEXTS) > 0.9).all()


@pytest.mark.parametrize("labels", ORDERS)
@pytest.mark.parametrize("is_entailed", [True, False])
def test_it_decides_what_is_shown(tmp_path: Path, labels: tuple[str, ...], is_entailed: bool) -> None:
    likely = next(
        label for label in labels if label.lower().startswith("entail" if is_entailed else "contra")
    )
    folder = saved(tmp_path, labels, likely=likely)
    within = context("?", chunk("a", TEXTS[0]))
    judge = registry.load("rerank/entailment")(model=str(folder), device="cpu")
    stage = VerifyCitations(attribute=False)
    stage.model = RerankerSupport(judge, scale_of(judge, "auto"))
    answer = stage.run(
        Answer(within.plan, text="The warranty lasts 24 months [1].", context=within), run_context()
    )
    assert answer.abstained is not is_entailed
