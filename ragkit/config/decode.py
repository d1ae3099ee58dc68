"""A tree → the settings of a component: the declared type of each setting says how its text is read.

`lang: no` is text where text is expected and a flag where a flag is; `k: "5"` is refused, because quotes mean
text; `k: "${K}"` is a number if the variable holds one.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ragkit.config.explain import expects, finding
from ragkit.config.kinds import LISTS, bare, may_hold, reader_of, ref_in
from ragkit.config.masking import cleaned, is_sensitive, mask
from ragkit.config.problems import Problems, Spot, listed, shortened
from ragkit.config.tree import Entries, Entry, Items, Node, Plain, Text, is_null, plain, shown
from ragkit.errors import RagkitError
from ragkit.secrets import Secret
from ragkit.settings import Ref, Settings

INVALID = object()
MAX_UNKNOWN_KEYS = 8
S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that was written where something declared elsewhere is meant."""

    ref: Ref
    node: Text
    spot: Spot


@dataclass(frozen=True, slots=True)
class Decoded:
    """The settings that were written: their values for the constructor, and what may be shown instead.

    `masks` holds, for each setting whose value must not be shown as it is, what the file says of it.
    `is_complete` is false when a mistake kept some of the values out.
    """

    values: Mapping[str, Any]
    masks: Mapping[str, Plain]
    is_complete: bool


@dataclass(slots=True)
class Decoder:
    """Reads settings. Mistakes go to `problems`, names of other things to `references`, for a later look-up.

    `folder` is where relative paths start: that of the file.
    """

    problems: Problems
    folder: Path | None = None
    references: list[Reference] = field(default_factory=list)
    _gaps: int = 0

    def settings(self, cls: type[S], node: Entries, at: Spot, owner: str) -> S | None:
        """Checked settings of class `cls` from the keys of `node`, or None after a mistake."""
        return self.validated(cls, self.keys(cls, node, at, owner), node, at)

    def keys(
        self, cls: type[BaseModel], node: Entries, at: Spot, owner: str, others: Iterable[str] = ()
    ) -> Decoded:
        """The values of the keys, each of the type its setting declares, without those that are mistaken.

        `others` are further keys that may stand in `node` and are read elsewhere.
        """
        before = self._mistakes()
        fields = {info.alias or name: info for name, info in cls.model_fields.items()}
        self._refuse_unknown(node, [*fields, *(key for key in others if key not in fields)], at, owner)
        for key, info in fields.items():
            if info.is_required() and key not in node.entries:
                words = expects(info.annotation, tuple(info.metadata))
                self.problems.add(at.key(key), f"required and missing: expected {words}")
        values: dict[str, Any] = {}
        masks: dict[str, Plain] = {}
        for key, entry in node.entries.items():
            if key in fields:
                kind, metadata = fields[key].annotation, tuple(fields[key].metadata)
                value = self.value(entry.node, kind, at.key(key, entry.place), metadata)
                if value is not INVALID:
                    values[key] = value
                masked = mask(kind, key, entry.node)
                if masked is not None:
                    masks[key] = masked
        return Decoded(values, masks, self._mistakes() == before)

    def validated(self, cls: type[S], decoded: Decoded, node: Entries, at: Spot) -> S | None:
        """The settings made of what `keys` gave for `node`, or None after a mistake."""
        try:
            settings = cls.model_validate(decoded.values)
        except ValidationError as e:
            for error in e.errors(include_url=False):
                # Where values are left out, only what is said of a value that is there is news.
                if decoded.is_complete or (error["loc"] and error["type"] != "missing"):
                    self._report(error, node, at)
        except RagkitError as e:
            self.problems.add(at, cleaned(shortened(str(e), 400), node))
        else:
            return settings if decoded.is_complete else None
        return None

    def value(self, node: Node, annotation: Any, at: Spot, metadata: tuple[Any, ...] = ()) -> Any:
        """The value of `node` as `annotation` wants it, or `INVALID` after noting why not."""
        if isinstance(node, Text) and node.is_unresolved:
            self._gaps += 1
            return INVALID
        ref = ref_in(metadata)
        if ref is not None:
            return self._reference(ref, node, at)
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.value(node, args[0], at, args[1:])
        if origin in (Union, types.UnionType):
            return self._union(node, annotation, args, at)
        if origin is Literal:
            return self._literal(node, annotation, args, at)
        if (origin or annotation) in LISTS:
            return self._list(node, annotation, args, at)
        if isinstance(origin or annotation, type) and issubclass(origin or annotation, Mapping):
            return self._mapping(node, annotation, args, at)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if not isinstance(node, Entries):
                return self._mismatch(node, annotation, at)
            return self.keys(annotation, node, at, at.path).values
        return self._scalar(node, annotation, at)

    def _mistakes(self) -> int:
        """Grows with each value that could not be taken, whether that was reported here or before."""
        return len(self.problems.found) + self._gaps

    def _scalar(self, node: Node, annotation: Any, at: Spot) -> Any:
        if not isinstance(annotation, type) or annotation in (Any, object):
            return plain(node)
        reader = reader_of(annotation, self.folder)
        if reader is None:
            return plain(node)
        found = None if not isinstance(node, Text) else reader(node)
        return self._mismatch(node, annotation, at) if found is None else found

    def _union(self, node: Node, annotation: Any, args: tuple[Any, ...], at: Spot) -> Any:
        if is_null(node) and type(None) in args:
            return None
        fits = [arg for arg in args if arg is not type(None) and may_hold(arg, node)]
        if len(fits) == 1:
            return self.value(node, fits[0], at)
        # Text reads anything, so it is tried last.
        for arg in sorted(fits, key=lambda arg: bare(arg) is str):
            trial = Decoder(self.problems.fork(), self.folder)
            found = trial.value(node, arg, at)
            if not trial.problems.found:
                self.references += trial.references
                return found
        return self._mismatch(node, annotation, at)

    def _literal(self, node: Node, annotation: Any, args: tuple[Any, ...], at: Spot) -> Any:
        if isinstance(node, Text) and not is_null(node):
            for arg in args:
                read = reader_of(type(arg))
                if read is not None and read(node) == arg:
                    return arg
            hint = "" if node.variables else self.problems.nearest(node.value, [str(arg) for arg in args])
            self.problems.add(at, f"expected {expects(annotation)}, got {shown(node)}.{hint}")
            return INVALID
        return self._mismatch(node, annotation, at)

    def _list(self, node: Node, annotation: Any, args: tuple[Any, ...], at: Spot) -> Any:
        if not isinstance(node, Items):
            return self._mismatch(node, annotation, at)
        kinds: Sequence[Any] = [args[0] if args else Any] * len(node.nodes)
        if get_origin(annotation) is tuple and args[-1] is not Ellipsis:
            kinds = [*args, *[Any] * (len(node.nodes) - len(args))]
        found = [
            self.value(item, kind, at.item(i, item.place))
            for i, (item, kind) in enumerate(zip(node.nodes, kinds, strict=False))
        ]
        return INVALID if any(item is INVALID for item in found) else found

    def _mapping(self, node: Node, annotation: Any, args: tuple[Any, ...], at: Spot) -> Any:
        if not isinstance(node, Entries):
            return self._mismatch(node, annotation, at)
        kind = args[1] if len(args) == 2 else Any
        found = {k: self.value(e.node, kind, at.key(k, e.place)) for k, e in node.entries.items()}
        return INVALID if any(item is INVALID for item in found.values()) else found

    def _reference(self, ref: Ref, node: Node, at: Spot) -> Any:
        if not isinstance(node, Text) or is_null(node):
            return self._mismatch(node, Annotated[Any, ref], at)
        self.references.append(Reference(ref, node, at))
        return node.value

    def _mismatch(self, node: Node, annotation: Any, at: Spot) -> Any:
        is_hidden = is_sensitive(at.path.rpartition(".")[2]) or annotation is Secret
        message = f"expected {expects(annotation)}, got {shown(node, is_hidden=is_hidden)}"
        if isinstance(node, Text) and not node.is_typed_by_use and not is_hidden:
            unquoted = Text(node.value, place=node.place, value=node.value)
            reader = reader_of(bare(annotation))
            if reader is not None and reader(unquoted) is not None:
                message += " in quotes, which is text; remove the quotes"
        self.problems.add(at, message)
        return INVALID

    def _report(self, error: ErrorDetails, node: Entries, at: Spot) -> None:
        culprit, spot = _culprit(node, at, error["loc"])
        key = next((step for step in reversed(error["loc"]) if isinstance(step, str)), "")
        message = finding(error, shown(culprit, is_hidden=is_sensitive(key)))
        self.problems.add(spot, cleaned(message, culprit, key))

    def _refuse_unknown(self, node: Entries, known: list[str], at: Spot, owner: str) -> None:
        unknown = [(key, entry) for key, entry in node.entries.items() if key not in known]
        for key, entry in unknown[:MAX_UNKNOWN_KEYS]:
            self.problems.add(at.key(key, entry.place), unknown_key(self.problems, key, known, owner))
        if len(unknown) > MAX_UNKNOWN_KEYS:
            rest = unknown[MAX_UNKNOWN_KEYS]
            spot = Spot(at.path, rest[1].place)
            self.problems.add(spot, f"and {len(unknown) - MAX_UNKNOWN_KEYS} more unknown keys")


def unknown_key(problems: Problems, key: str, known: Sequence[str], owner: str) -> str:
    """The message for a key that `owner` does not have."""
    return f"unknown key. Keys of {owner}: {listed(known)}.{problems.nearest(key, known)}"


def _culprit(node: Entries, at: Spot, loc: tuple[int | str, ...]) -> tuple[Node, Spot]:
    """The node that a finding of pydantic is about; steps that are no key (union members) are skipped."""
    here: Node = node
    for step in loc:
        entry: Entry | None = here.entries.get(str(step)) if isinstance(here, Entries) else None
        if entry is not None:
            here, at = entry.node, at.key(str(step), entry.place)
        elif isinstance(here, Items) and isinstance(step, int) and 0 <= step < len(here.nodes):
            here = here.nodes[step]
            at = at.item(step, here.place)
    return here, at
