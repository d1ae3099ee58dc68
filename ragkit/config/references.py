"""Names that refer to entries elsewhere in the file, looked up once the whole file is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ragkit.config.decode import Reference
from ragkit.config.problems import Problems, listed
from ragkit.config.spec import ComponentSpec
from ragkit.config.tree import shown

_ARTICLES = {"embed": "an embedder", "rerank": "a reranker", "llm": "a chat model"}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file declares, by name; a component with a mistake in it as its `use`, or an empty text.

    None stands for a section that is missing, which is reported by itself. Nodes that a setting names are
    looked up by the check of the graph.
    """

    models: Mapping[str, ComponentSpec | str] | None
    stores: Mapping[str, ComponentSpec | str] | None


def check_references(references: Iterable[Reference], declared: Declared, problems: Problems) -> None:
    """Adds a problem for each name that nothing has, and for each model that cannot do what is asked."""
    for reference in references:
        if reference.ref.kind == "model" and declared.models is not None:
            if _is_declared(reference, declared.models, "model", "models", problems):
                _check_role(reference, declared.models, problems)
        elif reference.ref.kind == "store" and declared.stores is not None:
            _is_declared(reference, declared.stores, "store", "stores", problems)


def _is_declared(
    reference: Reference, known: Collection[str], kind: str, section: str, problems: Problems
) -> bool:
    name, node = reference.node.value, reference.node
    if name in known:
        return True
    called = f"has the name in {shown(node)}" if node.variables else f"named {_quoted(reference)}"
    hint = "" if node.variables else problems.nearest(name, known)
    problems.add(reference.spot, f"no {kind} {called} under {section}; {section}: {listed(known)}.{hint}")
    return False


def _check_role(reference: Reference, models: Mapping[str, ComponentSpec | str], problems: Problems) -> None:
    found, wanted = models[reference.node.value], reference.ref.role
    use = found.use if isinstance(found, ComponentSpec) else found
    role = use.partition("/")[0]
    if not wanted or not role or role == wanted:
        return
    able = [
        name
        for name, model in models.items()
        if (model.use if isinstance(model, ComponentSpec) else model).partition("/")[0] == wanted
    ]
    problems.add(
        reference.spot,
        f"expected {_ARTICLES.get(wanted, wanted)}, but {_quoted(reference)} is "
        f"{_ARTICLES.get(role, f'of the role {role!r}')} ({use}); models that fit: {listed(able)}",
    )


def _quoted(reference: Reference) -> str:
    node = reference.node
    return shown(node) if node.variables or node.is_quoted else repr(shown(node))
