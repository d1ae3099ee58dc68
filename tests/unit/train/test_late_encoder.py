"""The torch model that compares token by token: what it computes, learns, and gives as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

from ragkit.models.late_reranker import LateReranker  # noqa: E402
from ragkit.models.token_vectors import Question, packed  # noqa: E402
from ragkit.models.tokenizer import TextTokenizer  # noqa: E402
from ragkit.train.bert_weights import read_bert_weights  # noqa: E402
from ragkit.train.cross_encoder import EncoderShape  # noqa: E402
from ragkit.train.late_encoder import LateEncoder  # noqa: E402
from ragkit.train.pairs import pair_batch  # noqa: E402
from ragkit.train.recipe import Recipe  # noqa: E402
from ragkit.train.signs import passage_vectors, question_vectors  # noqa: E402
from ragkit.train.trainer import Trainer  # noqa: E402
from tests.unit.models.small_late import SCALE, late_weights, write_late  # noqa: E402
from tests.unit.models.small_reranker import SHAPE as SMALL  # noqa: E402
from tests.unit.train import tiny  # noqa: E402

pytestmark = pytest.mark.torch

RECIPE = Recipe(
    epochs=4, groups_per_step=8, group_size=4, learning_rate=5e-3, max_tokens=30, max_query_tokens=10
)


def late(seed: int = 0) -> LateEncoder:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return LateEncoder(tiny.SHAPE, dropout=0.0)


def scores(model: LateEncoder, *pairs: tuple[list[int], list[int]]) -> list[float]:
    rows = [(tiny.ids(*question), tiny.ids(*passage)) for question, passage in pairs]
    batch = pair_batch(rows, max_tokens=30, max_query_tokens=10)
    with torch.no_grad():
        found, _ = model(*(torch.from_numpy(part) for part in (batch.ids, batch.segments, batch.mask)))
    return [float(value) for value in found]


def test_a_score_does_not_depend_on_the_other_rows() -> None:
    model = late().eval()
    pairs = [([110], [130, 131]), ([110], [150, 151, 152, 153]), ([111, 112], [130])]
    assert scores(model, *pairs) == pytest.approx([scores(model, pair)[0] for pair in pairs], abs=1e-5)


def test_it_compares_what_the_runtime_keeps_of_a_passage() -> None:
    model = late().eval()
    question, passages = [110, 111, 112], [[110, 111], [130, 131, 132, 133], []]

    def vectors(tokens: list[int]) -> np.ndarray:
        row = torch.tensor([[101, *tokens, 102]])
        with torch.no_grad():
            hidden = model.hidden(row, torch.zeros_like(row), row > 0)
        return hidden[0, 1:-1].numpy()

    match = Question(vectors(question), np.ones(3, np.float32)).match([packed(vectors(p)) for p in passages])
    expected = float(model.log_scale.detach().exp()) * match
    assert scores(model, *((question, p) for p in passages)) == pytest.approx(expected.tolist(), abs=1e-4)


def test_the_gradient_of_signs_is_that_of_the_vectors() -> None:
    question, passage = torch.randn(2, 384, generator=torch.Generator().manual_seed(0))
    rounded, exact = (passage.clone().requires_grad_() for _ in range(2))
    asked = question_vectors(question)
    (found,) = torch.autograd.grad(asked @ passage_vectors(rounded), rounded)
    (expected,) = torch.autograd.grad(asked @ torch.nn.functional.normalize(exact, dim=-1), exact)
    assert expected.abs().max() > 0
    assert torch.equal(found, expected)
    assert sorted(set(passage_vectors(passage).tolist())) == pytest.approx([-0.06396, 0.06396], abs=1e-5)


def test_a_question_token_without_weight_does_not_count() -> None:
    model = late().eval()
    with torch.no_grad():
        model.token_weights[111] = 0.0
        model.token_weights[110] = 1.0
    both = scores(model, ([110, 111], [110, 140]))[0]
    with torch.no_grad():
        model.token_weights[110] = 7.0  # of a mean over one token, the weight does not matter
    assert scores(model, ([110, 111], [110, 140]))[0] == pytest.approx(both, rel=1e-5)


def test_it_learns_with_the_trainer_of_cross_encoders() -> None:
    model, groups = late(), tiny.groups(40)

    def gap() -> float:
        gaps = []
        for group in groups:
            texts = [text.tolist() for text in (*group.relevant, *group.others)]
            right, *wrong = scores(model.eval(), *((group.question.tolist(), text) for text in texts))
            gaps.append(right - max(wrong))
        return float(np.mean(gaps))

    before = gap()
    trainer = Trainer(model, groups, RECIPE)
    trainer.run()
    trainer.use_average()
    assert gap() > before + 1.0


def test_the_file_scores_as_torch_does(tmp_path: Path) -> None:
    folder = write_late(tmp_path, precision="fp32")
    read = read_bert_weights(folder / "model.onnx")
    assert read.tensors.keys() == late_weights().keys() - {
        "classifier.weight", "classifier.bias", "reader.weight", "reader.bias",
    }  # fmt: skip
    shape = EncoderShape.of(read.tensors, heads=SMALL.heads)
    model = LateEncoder(shape, dropout=0.0).eval()
    model.take({**read.tensors, "log_scale": np.array(np.log(SCALE), np.float32)})
    question, passages = "when is an invoice due?", ["An invoice is due in May.", "It rained all day."]
    asked, *texts = TextTokenizer(folder / "tokenizer.json").pieces([question, *passages])
    expected = scores(model, *((asked, text) for text in texts))
    assert LateReranker(folder).score(question, passages).tolist() == pytest.approx(expected, abs=0.02)
