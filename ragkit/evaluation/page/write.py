"""One HTML file with all that a report knows: it can be sent, kept and opened anywhere, and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ragkit.evaluation.case import Texts
from ragkit.evaluation.page.about import cuts_section, facts_section, gate_section
from ragkit.evaluation.page.contents import Contents, of_report, of_two
from ragkit.evaluation.page.contrasts import contrasts_table
from ragkit.evaluation.page.drill import Drill, drill
from ragkit.evaluation.page.embedded import embedded
from ragkit.evaluation.page.figures import figures_table
from ragkit.evaluation.page.html import Child, Markup, foreign, joined, tag
from ragkit.evaluation.page.latency import latency_table, timings_data
from ragkit.evaluation.page.limits import Limits
from ragkit.evaluation.page.lost import not_ingested, outcomes_table
from ragkit.evaluation.page.numbers import count
from ragkit.evaluation.page.sheet import sheet
from ragkit.evaluation.report import Report, Result

_DEFAULT = Limits()


def write_page(report: Report, path: Path, texts: Mapping[str, Texts], *, limits: Limits = _DEFAULT) -> None:
    """Writes the page of a report.

    The same report gives the same file, but for what was measured in seconds, which stands in a section and
    a block of data of its own.

    Args:
        report: of a suite.
        path: the file to be written.
        texts: the corpora by the names of their datasets. Where one is missing, places are shown without
            their text.
        limits: how much of the passages is taken in.
    """
    path.write_text(page(of_report(report), texts, limits), encoding="utf-8", newline="\n")


def write_comparison(
    before: Report,
    after: Report,
    path: Path,
    texts: Mapping[str, Texts],
    *,
    names: tuple[str, str] = ("before", "after"),
    limits: Limits = _DEFAULT,
) -> None:
    """Writes the page that lays two reports side by side: differences, then wins and losses one by one.

    Args:
        before, after: reports that have a dataset in common. Pipelines of the same name are compared; where
            there are none, each of `after` with the first of `before`.
        path, texts, limits: as for `write_page`.
        names: what the reports are called on the page.

    Raises:
        EvalError: they have no dataset in common, or both have one name.
    """
    path.write_text(page(of_two(before, after, names), texts, limits), encoding="utf-8", newline="\n")


def page(contents: Contents, texts: Mapping[str, Texts], limits: Limits = _DEFAULT) -> str:
    """The page as text."""
    baselines = {name: pairs[0][0] for name, pairs in contents.pairs.items() if pairs}
    drilled = drill(contents.results, texts, baselines, limits)
    has_questions = any(result.outcomes for result in contents.results)
    body: list[Child] = [
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _header(contents),
        "\n",
        tag("main", _summary(contents, drilled), "\n", _places(has_questions), id="content", tabindex=-1),
        "\n",
    ]
    if has_questions:
        data = {
            "datasets": drilled.datasets,
            "pairs": {name: [list(pair) for pair in pairs] for name, pairs in contents.pairs.items()},
            "comparison": contents.is_comparison,
        }
        body += [embedded("report-data", data), "\n"]
        body += [embedded("report-timings", timings_data(contents.results)), "\n"]
    return sheet(*body, title=f"{contents.title}: evaluation")


def _header(contents: Contents) -> Markup:
    n = sum(len(result.outcomes) for result in contents.results)
    counts = ((len(contents.datasets), "dataset"), (len(contents.results), "run"), (n, "outcome"))
    what = ", ".join(count(size, noun) for size, noun in counts)
    broken = sum(not check.holds for check in contents.gate)
    verdict = None
    if contents.gate:
        words = f"gate broken: {broken}" if broken else "gate holds"
        verdict = tag("a", words, href="#gate", class_=f"badge {'bad' if broken else 'good'}")
    links = [("#summary", "Summary"), ("#questions", "Questions"), ("#versus", "Wins and losses")]
    if not any(contents.pairs.values()):
        links.pop()
    nav = tag("nav", [tag("a", words, href=href) for href, words in links], aria_label="Views")
    title = tag("h1", foreign(contents.title))
    return tag("header", tag("div", title, tag("p", what, " ", verdict), class_="title"), nav)


def _summary(contents: Contents, drilled: Drill) -> Markup:
    parts: list[Child] = [gate_section(contents.gate)]
    for place, (name, results) in enumerate(contents.datasets.items()):
        parts.append(_dataset(place, name, results, contents))
    if not contents.results:
        parts.append(
            tag("p", "This report has no results: no pipeline was run on any dataset.", class_="empty")
        )
    parts += [tag("p", foreign(note), class_="note") for note in contents.notes]
    parts += [_latency(list(contents.datasets.values())), facts_section(contents.facts)]
    if contents.results:
        parts.append(cuts_section(drilled))
    return tag("div", [joined(part, "\n") for part in parts if part], id="view-summary", class_="view")


def _dataset(place: int, name: str, results: Sequence[Result], contents: Contents) -> Markup:
    comparisons = contents.comparisons.get(name, ())
    questions = {id_ for result in results for id_ in result.questions}
    parts: list[Child | list[Markup]] = [
        tag("h2", foreign(name), id=f"data-{place}"),
        tag("p", f"{count(len(questions), 'question')}, {count(len(results), 'pipeline')}", class_="sub"),
        figures_table(results, comparisons),
        [tag("div", contrasts_table(comparison)) for comparison in comparisons if comparison.contrasts],
        outcomes_table(results),
        not_ingested(results),
    ]
    return tag("section", *parts, class_="dataset", aria_labelledby=f"data-{place}")


def _latency(datasets: Sequence[Sequence[Result]]) -> Markup | None:
    tables = [table for results in datasets if (table := latency_table(results)) is not None]
    if not tables:
        return None
    title = tag("h2", "Latency", id="latency-title")
    return tag("section", title, tables, id="latency", aria_labelledby="latency-title")


def _places(has_questions: bool) -> Markup:
    """Where the script puts the questions."""
    if not has_questions:
        return tag("p", "No question was asked.", class_="empty")
    note = "The questions one by one need JavaScript, which is off. The summary above is complete without it."
    return joined(
        tag("noscript", tag("p", note, class_="empty")),
        tag("div", id="view-questions", class_="view", hidden=True),
        tag("div", id="view-versus", class_="view", hidden=True),
    )
