"""Reports for the tests of the page, small enough to be read, made with the real comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragkit.evaluation.compare import compare_results
from ragkit.evaluation.comparison import Comparison
from ragkit.evaluation.dataset import Evidence, Question
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply, Timing
from ragkit.evaluation.report import GateCheck, Report, Result
from ragkit.evaluation.stats import mean_figure
from ragkit.evaluation.texts import HeldTexts
from ragkit.types import Citation, Sentence, Span

TEXT = "Lantern 3.2 is out. Handhelds connect to the gateway on port 7420. Printers use port 9100."
QUOTE = "Handhelds connect to the gateway on port 7420."
AT = Span(TEXT.index(QUOTE), TEXT.index(QUOTE) + len(QUOTE))
TEXTS = {"mini": HeldTexts({"a.md": TEXT, "b.md": "Гарантия — два года. 🏮 The warranty lasts two years."})}
GRAPH = (("dense", "retrieve/dense"), ("fuse", "fuse/rrf"), ("compress", "compress/extractive"))


def question(id_: str, text: str = "On which port does it listen?") -> Question:
    return Question(id_, text, answers=("7420",), evidence=(Evidence("a.md", span=AT),))


def place(document: str, start: int, end: int, score: float | None = 0.5) -> Place:
    return Place(f"{document}:{start}", document, spans=(Span(start, end),), score=score)


def outcome(id_: str, *, text: str = QUOTE, quote: str = QUOTE) -> Outcome:
    cited = Citation(
        1, document_id="a.md", start=AT.start, end=AT.end, quote=quote, chunk_id="a.md:0", support=0.9
    )
    sentence = Sentence(text, citations=(cited,))
    return Outcome(
        id_,
        found=(
            Found("dense", "retrieve/dense", kind="arm", query="port?", places=(place("b.md", 0, 20),)),
            Found("fuse", "fuse/rrf", kind="ranking", places=(place("b.md", 0, 20), place("a.md", 0, 90))),
            Found("compress", "compress/extractive", kind="context", places=(place("a.md", *_at()),)),
        ),
        reply=Reply(f"{text} [1]", sentences=(sentence,), generator="generate/extractive"),
    )


def failed(id_: str, error: str = "StageError: dense: the model is gone") -> Outcome:
    return Outcome(id_, error=error)


def result(
    pipeline: str,
    outcomes: Sequence[Outcome],
    values: Mapping[str, float],
    *,
    blame: Mapping[str, str] | None = None,
    questions: Mapping[str, Question] | None = None,
) -> Result:
    asked = questions or {one.question_id: question(one.question_id) for one in outcomes}
    n_failed = sum(one.error is not None for one in outcomes)
    return Result(
        "mini",
        pipeline,
        figures={"F1": mean_figure(list(values.values()), failed=n_failed)} if values else {},
        values={"F1": dict(values)},
        blame=blame or {},
        questions=asked,
        qrels={id_: {"a.md": 1} for id_ in asked},
        outcomes={one.question_id: one for one in outcomes},
        timings={
            one.question_id: Timing(one.question_id, 0.02, nodes={"dense": 0.01, "fuse": 0.001})
            for one in outcomes
            if not one.error
        },
        graph=GRAPH,
    )


def small() -> Report:
    """Two pipelines on four questions: the second wins one, loses one, fails at one and loses the gold."""
    ids = ["q1", "q2", "q3", "q4"]
    old = result("old", [outcome(id_) for id_ in ids], {"q1": 1.0, "q2": 0.2, "q3": 0.5, "q4": 0.5})
    new = result(
        "new",
        [outcome("q1"), outcome("q2"), outcome("q3"), failed("q4")],
        {"q1": 0.25, "q2": 0.8, "q3": 0.5},
        blame={"q1": "fuse"},
    )
    check = GateCheck("mini", "new", metric="errors", rule="> 0", holds=False, detail="1")
    facts = {"seed": 0, "data": {"mini": {"checksum": "c0ffee"}}}
    return Report(
        "quick",
        results=(old, new),
        comparisons={"mini": compared([old, new])},
        gate=(check,),
        facts=facts,
    )


def with_text(text: str) -> Report:
    """A report in which every text that comes from outside is this one."""
    asked = {text: replace(question(text, text), answers=(text,), metadata={text: text})}
    one = replace(
        outcome(text, text=text, quote=text),
        found=(Found(text, text, kind="arm", query=text, places=(place(text, 0, 3),)),),
        degraded=(text,),
    )
    results = tuple(
        replace(
            result(name, [one], {text: 1.0}, blame={text: text}, questions=asked),
            dataset=text,
            values={text: {text: 1.0}},
            figures={text: mean_figure([1.0])},
            qrels={text: {text: 1}},
            graph=((text, text),),
            timings={text: Timing(text, 0.1, nodes={text: 0.1})},
        )
        for name in (text, f"{text}2")
    )
    check = GateCheck(text, text, metric=text, rule=text, holds=False, detail=text)
    return Report(
        text, results=results, comparisons={text: compared(results)}, gate=(check,), facts={text: text}
    )


def compared(results: Sequence[Result]) -> Comparison:
    """They have questions in common."""
    found = compare_results(results, source=results[0].dataset)
    assert found is not None
    return found


def _at() -> tuple[int, int]:
    return AT.start, AT.end
