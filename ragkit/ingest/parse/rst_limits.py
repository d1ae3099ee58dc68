"""docutils' parser under our limits: it has none of its own against a text made to keep it busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Parser
from docutils.parsers.rst.states import Inliner

from ragkit.errors import DocumentError
from ragkit.ingest.parse.limits import Deadline

# Characters and nodes that all substitutions of a document may expand to.
_MAX_EXPANDED = 1_000_000
# docutils looks for each substitution among all parts of its paragraph: 20 million looks take 2 to 4 s.
_MAX_LOOKS = 20_000_000


class LimitedParser(Parser):
    """Parses reStructuredText until a deadline, and refuses substitutions that multiply.

    >>> from docutils.core import publish_doctree
    >>> publish_doctree("*Text*", parser=LimitedParser(Deadline(6))).astext()
    'Text'
    """

    def __init__(self, deadline: Deadline) -> None:
        # Emphasis marks without an end cost quadratic time, so each start of markup looks at the clock. The
        # class cannot be derived from: docutils looks its patterns up in the attributes of the very class.
        inliner = Inliner()
        inliner.dispatch = {mark: _checked(method, deadline) for mark, method in Inliner.dispatch.items()}
        super().__init__(inliner=inliner)
        self._deadline = deadline

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """As docutils has it; raises `DocumentError` beyond a limit."""
        # So do references without a target, each of which is reported while they are resolved.
        document.reporter.attach_observer(lambda _message: self._deadline.check())
        super().parse(inputstring, document)
        _check_substitutions(document)
        _check_looks(document)
        _watch(document, self._deadline)


def _watch(document: nodes.document, deadline: Deadline) -> None:
    """Lets the transforms look at the clock: some take quadratic time, and all find their nodes this way."""
    find = document.findall

    def findall(*args: Any, **options: Any) -> Iterator[Any]:
        for node in find(*args, **options):
            deadline.check()
            yield node

    document.findall = findall  # type: ignore[method-assign, assignment]


def _checked(method: Any, deadline: Deadline) -> Any:
    def call(self: Inliner, match: Any, lineno: int) -> Any:
        deadline.check()
        return method(self, match, lineno)

    return call


def _check_substitutions(document: nodes.document) -> None:
    """Adds up what docutils is about to put in place: 25 lines that each name the next one twice would fill
    any memory."""
    sizes: dict[str, int] = {}

    def size_of(reference: nodes.Element) -> int:
        name = document.substitution_names.get(str(reference["refname"]).lower(), "")
        if name not in sizes:
            sizes[name] = 0  # of a definition within itself, which docutils reports
            definition = document.substitution_defs.get(name)
            if definition is not None:
                sizes[name] = 1 + len(definition.astext()) + sum_of(definition)
        return sizes[name]

    def sum_of(node: nodes.Element) -> int:
        return sum(size_of(reference) for reference in node.findall(nodes.substitution_reference))

    if sum_of(document) > _MAX_EXPANDED:
        raise DocumentError(
            f"its substitutions expand to more than {_MAX_EXPANDED:,} characters. "
            "Write out what they stand for, or ingest it as plain text (.txt)",
            stage="parse",
        )


def _check_looks(document: nodes.document) -> None:
    parents = Counter(reference.parent for reference in document.findall(nodes.substitution_reference))
    if sum(count * len(parent.children) for parent, count in parents.items()) > _MAX_LOOKS:
        raise DocumentError(
            "a paragraph has too many substitutions (|name|). "
            "Write out what they stand for, or ingest it as plain text (.txt)",
            stage="parse",
        )
