"""Dataclasses that are quick to define and to make, for commands: what a command needs of them at its start
takes longer than most files that it then reads.

Each frozen dataclass compiles seven methods and sets its fields by way of ``object.__setattr__``. In a
process of this tool's own they share one ``__eq__``, ``__hash__`` and ``__repr__``, the ``__init__`` is
compiled where the first instance is made, as most classes have none in a run, and that nothing sets their
fields is left to mypy. A program that imports this package gets ``dataclasses.dataclass``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

_own = False
_UNSET = object()
_dataclass = dataclasses.dataclass
"""While libcst is imported, something else has its name (:mod:`fromlogits_audit.cst`)."""


def claim(own: bool = True) -> None:
    """Say that this process runs nothing but this tool (or does), for what is defined from now on."""
    global _own
    _own = own


def is_own() -> bool:
    """Whether this process runs nothing but this tool."""
    return _own


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        """``dataclasses.dataclass``, or what does as well where nobody else looks."""
        define = quick if _own else _dataclass
        return define(**options) if cls is None else define(cls, **options)


def quick(
    cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, repr: bool = True, **options: Any
) -> Any:
    """A dataclass with the methods that all share; ``frozen`` ones have a hash and no guards."""
    if cls is None:
        return lambda cls: quick(cls, frozen=frozen, eq=eq, repr=repr, **options)
    if options.get("order"):  # few are
        return _dataclass(cls, frozen=frozen, eq=eq, repr=repr, **options)
    own = set(vars(cls))
    cls.__doc__ = cls.__doc__ or cls.__name__  # or dataclass takes the signature, which takes an __init__
    made: Any = _dataclass(cls, init=False, eq=False, repr=False, **options)
    if "__init__" not in own:
        made.__init__ = _init_later(made)
    if repr and "__repr__" not in own:
        made.__repr__ = _shown
    if eq and ("__eq__" not in own or vars(made).get("__hash__") is None):
        _compare(made, own, frozen)
    return made


def _init_later(made: Any) -> Callable[..., None]:
    """An ``__init__`` that puts the compiled one into its place when it is called first.

    That place may be in another class: ``libcst`` copies what is in ``made`` into one with slots.
    """

    def init(self: Any, *args: Any, **named: Any) -> None:
        compiled = _init(made)
        cls: Any
        for cls in type(self).__mro__:
            if vars(cls).get("__init__") is init:
                cls.__init__ = compiled
        compiled(self, *args, **named)

    return init


def _init(made: Any) -> Callable[..., None]:
    """What dataclass would have compiled, without the annotations: they are half of the work."""
    known: dict[str, Any] = {"__unset": _UNSET}  # under names that no field can have
    parameters, body = [], []
    for field in sorted(dataclasses.fields(made), key=attrgetter("kw_only")):
        default, value = _default(field, known)
        if field.init:
            parameters += ["*"] if field.kw_only and "*" not in parameters else []
            parameters.append(f"{field.name}{default}")
        if value is not None:
            body.append(f"self.{field.name} = {value}")
    body += ["self.__post_init__()"] if hasattr(made, "__post_init__") else []
    exec(f"def __init__(self, {', '.join(parameters)}):\n  {'; '.join(body) or 'pass'}", known)
    compiled: Callable[..., None] = known["__init__"]
    compiled.__qualname__ = f"{made.__qualname__}.__init__"
    return compiled


def _default(field: dataclasses.Field[Any], known: dict[str, Any]) -> tuple[str, str | None]:
    """The default of a parameter as it is written, and what the field gets; ``known`` gets what they name."""
    name = f"__{field.name}"
    if field.default is not dataclasses.MISSING:
        known[name] = field.default
        return f"={name}", field.name if field.init else name
    if field.default_factory is not dataclasses.MISSING:
        known[name] = field.default_factory
        made = f"{name}()"
        return "=__unset", f"{made} if {field.name} is __unset else {field.name}" if field.init else made
    return "", field.name if field.init else None


def _compare(made: Any, own: set[str], frozen: bool) -> None:
    values = _values(made)
    if "__eq__" not in own:
        made.__eq__ = _equality(values)
    if vars(made).get("__hash__") is None:
        made.__hash__ = (lambda self: hash(values(self))) if frozen else None


def _values(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    """What instances are compared by."""
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _equality(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], bool]:
    def equal(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _shown(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"
