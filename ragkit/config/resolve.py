"""Names of models in the settings of another model → the models themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, get_args, get_origin

from ragkit.config.kinds import LISTS, ref_in
from ragkit.settings import Settings


def with_models(settings: Settings, model: Callable[[str], object]) -> dict[str, Any]:
    """The settings as keywords, with what `model` gives in place of each name of a model.

    >>> from ragkit.settings import ChatModelRef
    >>> class Route(Settings):
    ...     tiers: tuple[ChatModelRef, ...]
    ...     spare: ChatModelRef | None = None
    >>> with_models(Route(tiers=("small", "large")), str.upper)
    {'tiers': ['SMALL', 'LARGE'], 'spare': None}
    """
    fields = {info.alias or name: info for name, info in type(settings).model_fields.items()}
    return {
        key: _filled(value, fields[key].annotation, tuple(fields[key].metadata), model)
        for key, value in settings.as_keywords().items()
    }


def _filled(value: Any, annotation: Any, metadata: Iterable[Any], model: Callable[[str], object]) -> Any:
    ref = ref_in(metadata)
    if ref is not None:
        return model(value) if ref.kind == "model" and isinstance(value, str) else value
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _filled(value, args[0], args[1:], model)
    holds_refs = [arg for arg in args if get_origin(arg) is Annotated and ref_in(get_args(arg)[1:])]
    if not holds_refs or value is None:
        return value
    if origin in LISTS:
        return [_filled(item, holds_refs[0], (), model) for item in value]
    return _filled(value, holds_refs[0], (), model)
