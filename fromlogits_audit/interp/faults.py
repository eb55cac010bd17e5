"""What is certain to raise: a key that is not in a dict, a text that is no number, a division by zero.

Asked inside a ``try`` only (:mod:`raising`), before the value itself is worked out. An answer is the name of
Python's exception; None on any doubt. Where a value is one of several, all of them have to raise the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.calls import call
from fromlogits_audit.interp.choice import alternatives, product
from fromlogits_audit.interp.classes import (
    enum_members,
    external_bases,
    find_member,
    is_enum,
    own_method,
    unknown_base,
)
from fromlogits_audit.interp.equality import dict_key
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.operators import arithmetic
from fromlogits_audit.interp.raising import throw_builtin
from fromlogits_audit.interp.values import (
    Args,
    BoundV,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    FuncCore,
    FuncV,
    InstanceV,
    ListV,
    ModuleV,
    Place,
    TupleV,
    Unknown,
    Value,
    plain,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit import cst
    from fromlogits_audit.interp.run import Run

_PLAIN = (str, bytes, int, float, type(None))
_NUMBERS: dict[str, Callable[..., Any]] = {"builtins.int": int, "builtins.float": float}
_SYMBOLS = ("+", "-", "/", "//", "%")
_WAYS_IN = ("globals", "setattr", "exec(", "__getattr__", "vars(", "__dict__", "sys.modules", "import *")
"""How a module may come to have names that its text does not say."""


def _agreed(answers: Iterable[str | None]) -> str | None:
    """What all alternatives raise."""
    names = set(answers)
    return names.pop() if len(names) == 1 else None


def _error(action: Callable[[], object], *kinds: type[Exception]) -> str | None:
    try:
        action()
    except kinds as error:
        return type(error).__name__
    except Exception:
        return None
    return None


# -- items -------------------------------------------------------------------------------------
def check_item(run: Run, base: Value, index: Value) -> None:
    """``base[index]``."""
    rows = product([base, index], run.state.guard)
    name = _agreed(_of_item(run, b, plain(i)) for _, (b, i) in rows)
    if name is not None:
        throw_builtin(run, name)


def _of_item(run: Run, base: Value, index: Value) -> str | None:
    if not _is_plain(index):
        return None
    if isinstance(base, ClassV):
        known = is_enum(base) and base.meta is None and unknown_base(base) is None
        return "KeyError" if known and find_member(base, str(_worth(index))) is None else None
    if isinstance(base, (ListV, DictV)) and (len(base.slots) > 1 or not run.is_filled_here(base)):
        return None  # it stands for something else as well: the attributes of an object, a config
    contents = alternatives(content_of(run, base), run.state.guard)
    return _agreed(_of_content(content, index) for _, content in contents)


def _of_content(content: Value, index: Value) -> str | None:
    if isinstance(content, Entries):
        missing = not content.open and dict_key(index) not in content.items
        return "KeyError" if missing else None
    if isinstance(content, TupleV):
        # A list of layers or tensors is Keras's, and what is known of it may be less than what is there.
        known = bool(content.items) and not content.open and all(_is_plain(item) for item in content.items)
        at = _worth(index)
        outside = type(at) is int and not -len(content.items) <= at < len(content.items)
        return "IndexError" if known and outside else None
    if isinstance(content, Const) and isinstance(content.value, _PLAIN):
        return _error(lambda: content.value[_worth(index)], IndexError, TypeError)
    return None


def _is_plain(value: Value) -> bool:
    if isinstance(value, TupleV):
        return not value.open and all(_is_plain(item) for item in value.items)
    return isinstance(value, Const) and isinstance(value.value, _PLAIN)


def _worth(value: Value) -> Any:
    return value.value if isinstance(value, Const) else ()


# -- operations and calls ----------------------------------------------------------------------
def check_operation(run: Run, op: cst.CSTNode, left: Value, right: Value) -> None:
    """``left / right``."""
    symbol, function = arithmetic(op)
    rows = product([plain(left), plain(right)], run.state.guard)
    name = _agreed(_of_operation(symbol, function, a, b) for _, (a, b) in rows)
    if name is not None:
        throw_builtin(run, name)


def _of_operation(symbol: str, function: Callable[[Any, Any], Any], a: Value, b: Value) -> str | None:
    if not isinstance(a, Const) or not isinstance(b, Const) or symbol not in _SYMBOLS:
        return None
    texts = isinstance(a.value, (str, bytes)) and symbol == "%"
    if texts or not isinstance(a.value, _PLAIN) or not isinstance(b.value, _PLAIN):
        return None
    return _error(lambda: function(a.value, b.value), ZeroDivisionError, TypeError)


def followed(run: Run, function: Value, args: Args, place: Place | None) -> Value:
    """A call that the program spells out, inside a ``try``: what is raised in a function goes through it."""
    name = _of_call(run, function, args, place)
    if name is not None:
        throw_builtin(run, name)
    run.state.follows = _body_of(function)
    try:
        return call(run, function, args, place)
    finally:
        run.state.follows = None


def _body_of(function: Value) -> FuncCore | None:
    """The function of the project that a call is certain to run."""
    if isinstance(function, FuncV):
        return function.core
    if isinstance(function, BoundV):
        return function.func.core
    init = own_method(function, "__init__") if isinstance(function, ClassV) else None
    return init.core if init is not None else None


def _of_call(run: Run, function: Value, args: Args, place: Place | None) -> str | None:
    given = args.positional
    if args.keywords or args.star is not None or args.double is not None:
        return None
    if isinstance(function, ClassV) and len(given) == 1 and is_enum(function):
        return _of_enumeration(run, function, given[0])
    name = function.name if isinstance(function, ExternalV) else ""
    if name in _NUMBERS:
        rows = product(given, run.state.guard)
        return _agreed(_of_number(_NUMBERS[name], row) for _, row in rows)
    if name == "builtins.getattr" and len(given) == 2 and place is not None:
        base, wanted = given
        said = wanted.value if isinstance(wanted, Const) else None
        if isinstance(base, ModuleV) and isinstance(said, str):
            return _of_member(run, base, said, run.attribute(base, said, place))
    return None


def _of_number(function: Callable[..., Any], row: Sequence[Value]) -> str | None:
    if not all(isinstance(value, Const) for value in row):
        return None
    return _error(lambda: function(*map(_worth, row)), ValueError, TypeError, OverflowError)


def _of_enumeration(run: Run, cls: ClassV, value: Value) -> str | None:
    """``Kind("x")``, where no member has that value."""
    bases = external_bases(cls)
    if cls.meta is not None or unknown_base(cls) is not None or any("Flag" in base for base in bases):
        return None
    if find_member(cls, "_missing_") is not None or own_method(cls, "__new__") is not None:
        return None
    values = [m.slots["value"] if isinstance(m, InstanceV) else m for m in enum_members(run, cls)]
    options = [option for _, option in alternatives(value, run.state.guard)]
    if not values or not all(_is_plain(one) for one in (*values, *options)):
        return None
    known = {dict_key(one) for one in values}
    return None if any(dict_key(option) in known for option in options) else "ValueError"


# -- names of modules --------------------------------------------------------------------------
def check_member(run: Run, base: Value, name: str, value: Value) -> None:
    """``module.name``, which gave ``value``."""
    found = _of_member(run, base, name, value) if isinstance(base, ModuleV) else None
    if found is not None:
        throw_builtin(run, found)


def _of_member(run: Run, base: ModuleV, name: str, value: Value) -> str | None:
    """A name that the module does not so much as mention. A package may have parts that are no text."""
    missing = isinstance(value, Unknown) and value.reason.why is Why.UNDEFINED
    file, frame = base.module.file, base.module.frame
    if not missing or name.startswith("__") or file.path.name == "__init__.py" or frame is None:
        return None
    if frame.stars or any(way in file.text for way in _WAYS_IN) or base.module.mentions(name):
        return None
    return "AttributeError"
