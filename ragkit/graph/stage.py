"""A stage: settings and one typed method, whose annotations are its ports.

    class Shorten(Stage[Ranking, Ranking]):          @stage("rerank/shorten")
        class Config(Settings):                      def shorten(ranking: Ranking, *, k: int = 3) -> Ranking:
            k: int = 3                                   return Ranking(ranking.plan, ranking.hits[:k])
        config: Config

        def run(self, ranking, ctx): ...

`async def run` is for I/O. A plain `def run` is for compute: the runner puts it on a worker thread, unless
`inline` says that it takes well under a millisecond.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints, overload

from pydantic import create_model

from ragkit.errors import GraphError
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.settings import Settings

In = TypeVar("In")
Out = TypeVar("Out")
Next = TypeVar("Next")


@dataclass(slots=True)
class RunContext:
    """What a stage may know of the run it is part of, and where it leaves word of what it did.

    `deadline` is on `time.monotonic()`'s clock, or None.
    """

    trace: NodeTrace
    deadline: float | None = None
    degraded: list[str] = field(default_factory=list)

    def note(self, **facts: object) -> None:
        """Records facts about this node's work in the trace, visible to `ragkit ask --trace`."""
        self.trace.facts.update(facts)

    def degrade(self, what: str) -> None:
        """Says that a part of the answer's quality was lost; shown in `answer.degraded`."""
        if what not in self.degraded:
            self.degraded.append(what)


class Stage(Generic[In, Out]):
    """One step of a graph. Subclass it with `In` and `Out`, give it a `Config` and a `run`.

    >>> class Louder(Stage[str, str]):
    ...     def run(self, value: str, ctx: RunContext) -> str:
    ...         return value.upper()
    >>> Louder().ports
    Ports(takes=<class 'str'>, gives=<class 'str'>)
    """

    Config: ClassVar[type[Settings]] = Settings
    use: ClassVar[str] = ""
    inline: bool = False

    def __init__(self, **settings: object) -> None:
        self.config = self.Config(**settings)

    def setup(self, resources: Resources) -> None:
        """Takes what the stage needs from `resources`. Called once, before the first run."""

    def run(self, value: In, ctx: RunContext) -> Out | Awaitable[Out]:
        """The stage's work on one value."""
        raise TypeError(f"{type(self).__name__} has no run method")

    @property
    def ports(self) -> Ports:
        """The types this stage takes and gives."""
        return ports_of(type(self))

    def __rshift__(self, following: Stage[Out, Next]) -> Flow[In, Next]:
        return Flow(((self,), (following,)))


class Flow(Stage[In, Out]):
    """Stages in sequence, as `a >> b` makes them; each step holds one stage or parallel branches."""

    def __init__(self, steps: Sequence[Sequence[Stage[Any, Any]]]) -> None:
        super().__init__()
        self.steps: tuple[tuple[Stage[Any, Any], ...], ...] = tuple(
            flat for step in steps for flat in _flattened(step)
        )

    @property
    def ports(self) -> Ports:
        """What the first step takes and the last one gives."""
        return Ports(self.steps[0][0].ports.takes, self.steps[-1][-1].ports.gives)

    def __rshift__(self, following: Stage[Out, Next]) -> Flow[In, Next]:
        return Flow((*self.steps, (following,)))


def _flattened(step: Sequence[Stage[Any, Any]]) -> tuple[tuple[Stage[Any, Any], ...], ...]:
    if len(step) == 1 and isinstance(step[0], Flow):
        return step[0].steps
    return (tuple(step),)


def fan_out(*branches: Stage[In, Out]) -> Flow[In, Out]:
    """Runs the branches in parallel on the same value; the next stage takes their outputs together.

    >>> len(fan_out(Stage[str, str](), Stage[str, str]()).steps[0])
    2
    """
    if not branches:
        raise GraphError("fan_out() needs at least one branch")
    return Flow((branches,))


@dataclass(frozen=True, slots=True)
class Ports:
    """The type a stage takes and the type it gives."""

    takes: type
    gives: type


def ports_of(cls: type[Stage[Any, Any]]) -> Ports:
    """Reads the ports from the annotations of `run`.

    Raises:
        GraphError: `run` is not defined or not annotated.
    """
    run = cls.run
    if run is Stage.run:
        raise GraphError(f"{cls.__name__} has no run(self, value, ctx) method")
    hints = get_type_hints(run)
    values = [name for name in inspect.signature(run).parameters if name not in {"self", "ctx"}]
    takes, gives = hints.get(values[0]) if values else None, hints.get("return")
    if not isinstance(takes, type) or not isinstance(gives, type):
        raise GraphError(
            f"{cls.__name__}.run: annotate the value it takes and what it returns, "
            "for example: def run(self, ranking: Ranking, ctx: RunContext) -> Ranking"
        )
    return Ports(takes, gives)


StageClass = TypeVar("StageClass", bound=type[Stage[Any, Any]])
Function = Callable[..., Any]


class _StageDecorator:
    def __init__(self, use: str) -> None:
        self.use = use

    @overload
    def __call__(self, target: StageClass) -> StageClass: ...
    @overload
    def __call__(self, target: Function) -> type[Stage[Any, Any]]: ...
    def __call__(self, target: Any) -> Any:
        cls: type[Stage[Any, Any]] = target if isinstance(target, type) else _stage_from_function(target)
        cls.use = self.use
        return cls


def stage(use: str) -> _StageDecorator:
    """Names a stage class, or makes a stage class of a function, for use in `rag.yaml`.

    A function's first parameter and return type are its ports, a parameter called `ctx` gets the
    `RunContext`, and its keyword-only parameters become the settings. Register the result with
    `ragkit.register` or with an entry point of the group `ragkit.components`.

    >>> @stage("rerank/reverse")
    ... def reverse(words: list, *, times: int = 1) -> list:
    ...     return words[::-1] if times % 2 else words
    >>> reverse(times=1).use
    'rerank/reverse'
    """
    return _StageDecorator(use)


def _stage_from_function(function: Function) -> type[Stage[Any, Any]]:
    signature, hints = inspect.signature(function), get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in signature.parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name != "ctx"
    }
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    if not positional or positional[0] == "ctx" or "return" not in hints or positional[0] not in hints:
        raise GraphError(
            f"{function.__name__}: annotate the first parameter and the return type of a stage function, "
            "for example: def shorten(ranking: Ranking, *, k: int = 3) -> Ranking"
        )
    wants_ctx = "ctx" in signature.parameters

    def call(self: Stage[Any, Any], value: Any, ctx: RunContext) -> Any:
        settings = {name: getattr(self.config, name) for name in fields}
        return function(value, **settings, **({"ctx": ctx} if wants_ctx else {}))

    if inspect.iscoroutinefunction(function):

        async def run(self: Stage[Any, Any], value: Any, ctx: RunContext) -> Any:
            return await call(self, value, ctx)

    else:
        run = call
    run.__annotations__ = {"value": hints[positional[0]], "ctx": RunContext, "return": hints["return"]}
    config = create_model(f"{function.__name__}_settings", __base__=Settings, **fields)
    body = {"run": run, "Config": config, "__doc__": function.__doc__, "__module__": function.__module__}
    return type(function.__name__, (Stage,), body)
