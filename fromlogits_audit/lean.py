"""Dataclasses that are quick to define and to make, for commands: what a command needs of them at its start
takes longer than most files that it then reads.

Each frozen dataclass looks at its fields, compiles seven methods, and sets its fields by way of
``object.__setattr__``. In a process of this tool's own a class becomes a dataclass with its first instance,
as most have none in a run; they share their methods, ``__init__`` is compiled for classes of many instances
only, and that nothing sets their fields is left to mypy. A program that imports this package gets
``dataclasses.dataclass``.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

_Values = Callable[[Any], tuple[Any, ...]]

_own = False
_UNSET = object()
_FEW = 16
"""Instances that are made sooner than an ``__init__`` is compiled."""
_dataclass = dataclasses.dataclass
"""While libcst is imported, something else has its name (:mod:`fromlogits_audit.nodes`)."""


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
    cls: type | None = None,
    /,
    *,
    frozen: bool = False,
    eq: bool = True,
    repr: bool = True,
    order: bool = False,
    **options: Any,
) -> Any:
    """A dataclass with the methods that all share; ``frozen`` ones have a hash and no guards."""
    if cls is None:
        return lambda cls: quick(cls, frozen=frozen, eq=eq, repr=repr, order=order, **options)
    own = set(vars(cls))
    cls.__doc__ = cls.__doc__ or cls.__name__  # or dataclass takes the signature, which takes an __init__
    made: Any = _defined(cls, options)
    if "__init__" not in own:
        made.__init__ = _init_later(made)
    if repr and "__repr__" not in own:
        made.__repr__ = _shown
    if eq:
        _compare(made, own, frozen, order)
    return made


def _defined(cls: Any, options: dict[str, Any]) -> Any:
    if options.get("slots"):  # is another class, so this can't wait
        return _dataclass(cls, init=False, eq=False, repr=False, **options)
    cls.__dataclass_fields__ = _Fields(cls, options)
    return cls


class _Fields:
    """In the place of a class's fields: the class becomes a dataclass where they are asked for first.

    Which is by its first instance, and most classes have none in a run.
    """

    def __init__(self, made: Any, options: dict[str, Any]) -> None:
        self._made, self._options = made, options

    def __get__(self, instance: object, owner: type) -> Any:
        if vars(self._made)["__dataclass_fields__"] is self:
            _dataclass(self._made, init=False, eq=False, repr=False, **self._options)
        return vars(self._made)["__dataclass_fields__"]


def _init_later(made: Any) -> Callable[..., None]:
    """An ``__init__`` that sets one field after the other, and is compiled where there are many instances."""
    fields: tuple[dataclasses.Field[Any], ...] = ()
    calls = 0

    def init(self: Any, *args: Any, **named: Any) -> None:
        nonlocal calls, fields
        fields = fields or dataclasses.fields(made)
        calls += 1
        if calls > _FEW or not _set(self, fields, args, named):
            made.__init__ = _init(made)
            made.__init__(self, *args, **named)
        elif hasattr(made, "__post_init__"):
            self.__post_init__()

    return init


def _set(
    self: Any, fields: tuple[dataclasses.Field[Any], ...], args: tuple[Any, ...], named: dict[str, Any]
) -> bool:
    """Set each field; whether it could be told how: not in a wrong call, nor for fields unlike most."""
    given = dict(zip((field.name for field in fields), args, strict=False))
    if len(args) > len(fields) or given.keys() & named.keys():
        return False
    given.update(named)
    for field in fields:
        value = given.pop(field.name) if field.name in given else _default_of(field)
        if value is _UNSET or field.kw_only or not field.init:
            return False
        setattr(self, field.name, value)
    return not given


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return _UNSET if field.default_factory is dataclasses.MISSING else field.default_factory()


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


def _compare(made: Any, own: set[str], frozen: bool, order: bool) -> None:
    if "__eq__" not in own:
        made.__eq__ = _by_values(made, "__eq__", _compared(operator.eq))
    for name in ("__lt__", "__le__", "__gt__", "__ge__") if order else ():
        setattr(made, name, _by_values(made, name, _compared(getattr(operator, name))))
    if vars(made).get("__hash__") is None:
        made.__hash__ = _by_values(made, "__hash__", _hashed) if frozen else None


def _by_values(made: Any, name: str, define: Callable[[_Values], Callable[..., Any]]) -> Callable[..., Any]:
    """A method that first defines the one for its place, by what instances are compared by."""

    def first(self: Any, *others: object) -> Any:
        method = define(_values(made))
        setattr(made, name, method)
        return method(self, *others)

    return first


def _values(cls: Any) -> _Values:
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[_Values], Callable[[Any, object], bool]]:
    def define(values: _Values) -> Callable[[Any, object], bool]:
        def compared(self: Any, other: object) -> bool:
            return compare(values(self), values(other)) if type(other) is type(self) else NotImplemented

        return compared

    return define


def _hashed(values: _Values) -> Callable[[Any], int]:
    return lambda self: hash(values(self))


def _shown(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"
