"""`kind: auto`: what is chosen by rows, recall and device."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.testing.indexes import made_rows

pytest.importorskip("faiss", reason="needs the extra faiss-cpu or faiss-gpu")
pytestmark = [pytest.mark.faiss, pytest.mark.usefixtures("one_thread")]


def chosen(n_rows: int, *, on_gpu: bool = False, **settings: object) -> tuple[str, int | None]:
    """The kind's name, and its effort."""
    from ragkit_connectors.faiss.auto import Choice
    from ragkit_connectors.faiss.settings import FaissSettings

    kind = Choice(FaissSettings.checked("index/faiss", {"kind": "auto"} | settings), on_gpu).of(n_rows)
    return type(kind).__name__, getattr(kind, "ef_search", getattr(kind, "probes", None))


@pytest.mark.parametrize(
    ("n_rows", "recall", "kind"),
    [
        (19_999, 0.9, ("Flat", None)),
        (20_000, 0.9, ("Hnsw", 16)),
        (50_000, 0.95, ("Hnsw", 32)),
        (50_000, 0.99, ("Hnsw", 128)),
        (400_000, 0.95, ("Hnsw", 64)),
        (10_000_000, 1.0, ("Flat", None)),
    ],
)
def test_on_a_cpu_a_graph_from_20_000_rows_on(
    n_rows: int, recall: float, kind: tuple[str, int | None]
) -> None:
    assert chosen(n_rows, recall=recall) == kind


@pytest.mark.parametrize(
    ("n_rows", "recall", "kind"),
    [
        (3_999_999, 0.9, ("Flat", None)),
        (4_000_000, 0.9, ("Ivf", 667)),
        (4_000_000, 0.94, ("Ivf", 1143)),
        (4_000_000, 1.0, ("Flat", None)),
    ],
)
def test_on_a_gpu_lists_from_4_000_000_rows_on(
    n_rows: int, recall: float, kind: tuple[str, int | None]
) -> None:
    assert chosen(n_rows, on_gpu=True, recall=recall) == kind


def test_more_recall_is_never_less_effort() -> None:
    for n_rows in (30_000, 90_000, 700_000):
        efforts = [chosen(n_rows, recall=recall)[1] or 1 << 30 for recall in np.linspace(0.5, 1, 51)]
        assert efforts == sorted(efforts)


def test_a_part_is_a_graph_once_it_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit_connectors.faiss import FaissIndex, auto

    monkeypatch.setattr(auto, "_FLAT_ROWS", 1_000)
    matrix, ids = made_rows(3_000)
    index = FaissIndex(kind="auto", device="cpu")
    for end in range(0, 3_001, 250):
        index = index.over(matrix[:end], ids[:end])
    kinds = [(type(part.kind).__name__, part.index is not None) for part in index._parts]
    assert kinds == [("Hnsw", True)] * (len(kinds) - 1) + [kinds[-1]]
    assert index.fingerprint == FaissIndex(kind="hnsw").fingerprint
    rows, _ = index.search(matrix[:50], 1, None)
    assert rows[:, 0].tolist() == list(range(50))
