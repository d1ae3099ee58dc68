"""`when:` expressions: a tiny language over the query plan that always ends and never raises.

    when: history                                  a conversation is going on
    when: len(queries) > 1 or "compare" in question
    when: lang(question) == "ru" and not tenant in ["acme", "zenith"]

Names are those of the plan. A name alone asks whether it is there and not empty. A comparison of unlike
things is false. The text is parsed, never evaluated as Python.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.errors import GraphError, did_you_mean
from ragkit.graph.condition import Atom, Condition, Constant, Joined, Not
from ragkit.text.language import detect_language
from ragkit.types import QueryPlan

MAX_CHARS = 500

Value = Callable[[object], Any]

_NAMES = {
    "question": "text",
    "queries": "sequence of queries",
    "history": "sequence of turns",
    "tenant": "text",
    "acl": "list",
    "filter": "filter",
    "commit": "number",
    "standalone": "text",
    "intent": "text",
    "route": "text",
}
_ALWAYS_SET = {"question", "queries", "history"}
_CONSTANTS = {"true": True, "false": False}
_ORDER: Mapping[type, tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
# Each of these is the exact opposite of the other, so both count as one question when cases are compared.
_OPPOSITES = {"!=": "==", "not in": "in"}
_OPPOSITES_IF_SET = {"<=": ">", ">=": "<"}
_LANGUAGE = (
    f"names: {', '.join(_NAMES)}; functions: len(...), lang(...); == != < <= > >= in, not in; "
    "and, or, not; texts in quotes, numbers, true, false, lists in brackets"
)


@dataclass(frozen=True, slots=True)
class When:
    """A checked condition.

    >>> from ragkit.types import QueryPlan
    >>> When.parse("len(queries) > 1 or 'compare' in question").holds(QueryPlan.of("compare A and B"))
    True
    """

    text: str
    condition: Condition = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> When:
        """Reads a condition.

        Raises:
            GraphError: it is not in the language, names something unknown or compares unlike things.
        """
        if not isinstance(text, str) or not text.strip():
            raise GraphError(f"when: {text!r}: expected a condition, for example: when: history")
        if len(text) > MAX_CHARS:
            raise GraphError(f"when: longer than {MAX_CHARS} characters; put this decision into a stage")
        if "\\" in text:
            raise GraphError(
                f"when: {text!r}: a backslash is not part of the language. It may hold {_LANGUAGE}"
            )
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError) as e:
            raise GraphError(f"when: {text!r} cannot be read: {e}. It may hold {_LANGUAGE}") from e
        return cls(text, _condition(tree.body, text))

    def holds(self, plan: object) -> bool:
        """Whether the condition holds for this plan; what a plan does not have counts as not there."""
        return self.condition.holds(plan if isinstance(plan, QueryPlan) else None)


def _condition(node: ast.expr, text: str) -> Condition:
    match node:
        case ast.BoolOp(op=op, values=values):
            return Joined(
                all if isinstance(op, ast.And) else any, tuple(_condition(part, text) for part in values)
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(_condition(operand, text))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            operands = [_term(part, text) for part in (left, *rights)]
            pairs = zip(ops, itertools.pairwise(operands), strict=True)
            atoms = tuple(_comparison(op, one, other, text) for op, (one, other) in pairs)
            return atoms[0] if len(atoms) == 1 else Joined(all, atoms)
    term = _term(node, text)
    return Constant(bool(term.value(None))) if term.is_literal else Atom(term.key, term.value)


def _comparison(op: ast.cmpop, left: _Term, right: _Term, text: str) -> Atom:
    word, test = _test(op, left, right, text)
    opposite = _OPPOSITES.get(word)
    if left.is_always_set and right.is_always_set:
        opposite = opposite or _OPPOSITES_IF_SET.get(word)
    return Atom(
        f"{left.key} {opposite or word} {right.key}",
        lambda plan: test(left.value(plan), right.value(plan)),
        negated=opposite is not None,
    )


def _test(op: ast.cmpop, left: _Term, right: _Term, text: str) -> tuple[str, Callable[[Any, Any], bool]]:
    alike = left.kind == right.kind
    match op:
        case ast.Eq() | ast.NotEq() if alike:
            return ("==", _equal) if isinstance(op, ast.Eq) else ("!=", _differ)
        case ast.In() | ast.NotIn() if left.kind == right.kind == "text" or right.kind == "list":
            return ("in", _contains) if isinstance(op, ast.In) else ("not in", _lacks)
        case ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() if alike and left.kind in {"text", "number"}:
            word, compare = _ORDER[type(op)]
            return word, lambda a, b: (_are_numbers(a, b) or _are_texts(a, b)) and compare(a, b)
        case ast.Is() | ast.IsNot():
            raise GraphError(f"when: {text!r}: write == or !=, not `is`. It may hold {_LANGUAGE}")
    counts = right.kind == "number" and _has_length(left)
    hint = f" Did you mean len({left.key})?" if counts else ""
    raise GraphError(
        f"when: {text!r}: {left.key} is a {left.kind} and {right.key} a {right.kind}; "
        f"compared this way they are never alike.{hint}"
    )


def _equal(left: Any, right: Any) -> bool:
    return (_are_numbers(left, right) or type(left) is type(right)) and bool(left == right)


def _differ(left: Any, right: Any) -> bool:
    return not _equal(left, right)


def _are_numbers(left: Any, right: Any) -> bool:
    return isinstance(left, int | float) and isinstance(right, int | float)


def _are_texts(left: Any, right: Any) -> bool:
    return isinstance(left, str) and isinstance(right, str)


def _contains(item: Any, holder: Any) -> bool:
    if isinstance(holder, str):
        return isinstance(item, str) and item in holder
    return isinstance(holder, tuple) and any(_equal(item, held) for held in holder)


def _lacks(item: Any, holder: Any) -> bool:
    return not _contains(item, holder)


# --- terms ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Term:
    key: str
    kind: str
    value: Value
    is_always_set: bool = True
    is_literal: bool = False


def _term(node: ast.expr, text: str) -> _Term:
    match node:
        case ast.Name(id=name) if name in _CONSTANTS:
            return _literal(_CONSTANTS[name])
        case ast.Name(id=name):
            return _field(name, text)
        case ast.Constant(value=str() | int() | float() as value):
            return _literal(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return _literal(-value)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _list([_term(item, text) for item in items], text)
        case ast.Call(func=ast.Name(id="len" | "lang" as name), args=[argument], keywords=[]):
            return _call(name, _term(argument, text), text)
    shown = ast.unparse(node)
    raise GraphError(f"when: {text!r}: {shown!r} is not part of the language. It may hold {_LANGUAGE}")


def _literal(value: str | float | bool) -> _Term:
    kind = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return _Term(repr(value), kind, lambda _: value, is_literal=True)


def _field(name: str, text: str) -> _Term:
    if name not in _NAMES:
        raise GraphError(
            f"when: {text!r}: unknown name {name!r}.{did_you_mean(name, _NAMES)} "
            f"Names: {', '.join(_NAMES)}; a text is written in quotes"
        )
    return _Term(name, _NAMES[name], lambda plan: getattr(plan, name, None), name in _ALWAYS_SET)


def _list(items: list[_Term], text: str) -> _Term:
    if not all(item.is_literal and item.kind != "list" for item in items):
        raise GraphError(f"when: {text!r}: a list may hold texts, numbers, true and false only")
    values = tuple(item.value(None) for item in items)
    return _Term(f"[{', '.join(item.key for item in items)}]", "list", lambda _: values, is_literal=True)


def _call(name: str, argument: _Term, text: str) -> _Term:
    if not (_has_length(argument) if name == "len" else argument.kind == "text"):
        raise GraphError(f"when: {text!r}: {name}() does not take a {argument.kind}")
    key = f"{name}({argument.key})"
    if name == "len":
        return _Term(key, "number", lambda plan: len(argument.value(plan) or ()))
    return _Term(key, "text", lambda plan: detect_language(argument.value(plan) or ""))


def _has_length(term: _Term) -> bool:
    return term.kind in {"text", "list"} or term.kind.startswith("sequence")
