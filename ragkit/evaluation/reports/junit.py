"""A report for continuous integration: a JUnit test case for each rule of the gate, and for the questions
that failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.rule import TIMES

_SHOWN = 5
_UNFIT = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> str:
    """The XML, without times, so that a repeated run writes the same file.

    A rule that does not hold is a failure. Questions that failed are an error of their pipeline's test case.
    """
    suite = ET.Element("testsuite", name=_fit(report.name))
    for check in report.gate:
        case = _case(suite, f"{check.dataset}.{check.pipeline}", f"{check.metric}: {check.rule}")
        if not check.holds:
            ET.SubElement(case, "failure", message=_fit(check.detail), type="gate").text = _fit(check.detail)
        elif check.metric not in TIMES:
            ET.SubElement(case, "system-out").text = _fit(check.detail)
    for result in report.results:
        case = _case(suite, f"{result.dataset}.{result.pipeline}", "every question came to its end")
        if result.failed:
            message = f"{len(result.failed)} of {len(result.outcomes)} questions failed"
            ET.SubElement(case, "error", message=message, type="failed").text = _fit("\n".join(_told(result)))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("*/failure"))))
    suite.set("errors", str(len(suite.findall("*/error"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_fit(classname), name=_fit(name))


def _told(result: Result) -> Iterable[str]:
    failed = list(result.failed.items())
    yield from (f"{question}: {error}" for question, error in failed[:_SHOWN])
    if len(failed) > _SHOWN:
        yield f"and {len(failed) - _SHOWN} more: see per_query.csv"


def _fit(text: str) -> str:
    """The text without what XML cannot hold."""
    return _UNFIT.sub("\ufffd", text)
