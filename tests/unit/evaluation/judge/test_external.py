"""Metrics of other libraries: what they raise or cannot say is counted, and ends nothing."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from ragkit import registry
from ragkit.evaluation.judge import load_metric
from ragkit.evaluation.measure import measure
from tests.unit.evaluation.metrics.making import case, says


class Odd:
    """Scores by the length of an answer, unless that is odd."""

    use = "metric/odd"
    name, shown = "odd.length", frozenset({"answer"})

    def __init__(self, **_: object) -> None:
        pass

    async def score(self, *, answer: str = "", **_: object) -> float:
        if answer == "boom":
            raise ValueError("the library broke")
        return float("nan") if answer == "nan" else float(len(answer))


@pytest.fixture(autouse=True)
def _odd() -> Iterator[None]:
    registry.register(Odd)
    yield
    registry._registered.pop("metric/odd")


def test_what_another_library_raises_or_gives_as_nan_is_counted() -> None:
    cases = [case(reply=says(text), id_=text) for text in ("boom", "nan", "four")]
    metric = anyio.run(load_metric("odd.length").asked, cases)
    found = measure(cases, {}, [metric])
    figure = found.figures["odd.length"]
    assert (figure.mean, figure.n, figure.failed) == (4.0, 1, 2)
    assert found.unscored["odd.length"] == {
        "boom": "ValueError: the library broke",
        "nan": "odd.length gave nan",
    }
