"""Python itself: builtins, the standard library's common helpers, methods of plain values."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp import containers, copying, dicts, options, ordering, records, workers, wrapped
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.classes import GENERIC, items_of_named, text_of_member
from fromlogits_audit.interp.combining import COMBINING, added_up
from fromlogits_audit.interp.creation import allocate, call_type, construct
from fromlogits_audit.interp.dispatch import register
from fromlogits_audit.interp.items import FACTORY, options_of, spread
from fromlogits_audit.interp.iterables import ITERABLES, Function
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.keys import INI, INSTANCE, begins
from fromlogits_audit.interp.operators import MAX_TEXT, bounded, put_together
from fromlogits_audit.interp.pytest_cases import CASES
from fromlogits_audit.interp.raising import SUPPRESS
from fromlogits_audit.interp.reflection import REFLECTION
from fromlogits_audit.interp.spelled import SPELLED, call_unbound
from fromlogits_audit.interp.tracking import SETTINGS
from fromlogits_audit.interp.truth import asked
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    Choice,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncV,
    InstanceV,
    ListV,
    MethodV,
    PartialV,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_FOLD: dict[str, Callable[..., Any]] = {
    **{
        f"builtins.{f.__name__}": f
        for f in (int, float, str, bool, abs, round, min, max, sum, len, pow, ord, chr, repr)
    },
    **{f"math.{f.__name__}": f for f in (math.ceil, math.floor, math.sqrt, math.log, math.pow, math.prod)},
    **{
        f"os.path.{f.__name__}": f
        for f in (posixpath.basename, posixpath.dirname, posixpath.join, posixpath.split, posixpath.splitext)
    },
    "numpy.prod": math.prod,
    "numpy.ceil": math.ceil,
    "numpy.log": math.log,
    "numpy.sqrt": math.sqrt,
}


def call_external(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    """A call of a builtin or of a known function of the standard library, None for others."""
    function = _FUNCTIONS.get(name)
    if function is not None:
        return _over_options(run, name, function, args, place)
    if name in _FOLD:
        return _folded(run, name, args, place)
    if name.startswith("builtins.") and name[9:].endswith(("Error", "Exception", "Warning")):
        return run.state.fresh(Why.RUNTIME, "an exception")
    method = call_unbound(run, name, args, place)
    return method if method is not None else options.call_external(run, name, args, place)


def _over_options(run: Run, name: str, function: Function, args: Args, place: Place | None) -> Value | None:
    """A call, or one for each number of items that a sequence among its arguments may have."""
    walks = name in ITERABLES or name in COMBINING or name == "builtins.dict.fromkeys"
    for number, given in enumerate(args.positional if walks and name not in _TAKING else ()):
        options = options_of(run, given) if isinstance(given, (Choice, ListV)) else []
        if len(options) > 1:
            rest = args.positional[number + 1 :]
            rows = [
                (guard, Args((*args.positional[:number], row, *rest), args.keywords, args.star, args.double))
                for guard, row in options
            ]
            return choose([(guard, function(run, one, place) or NONE) for guard, one in rows])
    return function(run, args, place)


_TAKING = frozenset({"builtins.next", "builtins.iter"})
"""What works on the sequence itself."""


def _plain(value: Value, depth: int = 0) -> Any:
    """The Python value of constants, also in a closed sequence that is not nested deeply; else ValueError."""
    if isinstance(value, Const):
        return value.value
    content = value.slots["items"] if isinstance(value, ListV) else value
    if isinstance(content, TupleV) and not content.open and len(content.items) <= 256 and depth < 2:
        items = [_plain(item, depth + 1) for item in content.items]
        return items if isinstance(value, ListV) else tuple(items)
    raise ValueError


def _folded(run: Run, name: str, args: Args, place: Place | None) -> Value:
    if name == "builtins.len" and len(args.positional) == 1:
        return _length(run, args.positional[0])
    if name == "builtins.sum" and place is not None and args.positional:
        added = added_up(run, args, place)
        if added is not None:
            return added
    if name in _EXTREMES and args.keywords:
        found = ordering.extreme(run, args, greatest=name == "builtins.max")
        return found or run.state.fresh(Why.RUNTIME, f"{name.rpartition('.')[2]}() of a key")
    if set(args.keywords) - {"dtype"} or args.star is not None or args.double is not None:
        return run.state.fresh(Why.RUNTIME, f"{name.rpartition('.')[2]}()")
    rows = product(args.positional, run.state.guard)
    return choose([(guard, _fold_row(run, name, row, place)) for guard, row in rows])


_EXTREMES = ("builtins.max", "builtins.min")


def _text_of(run: Run, instance: InstanceV, place: Place | None, *, is_repr: bool = False) -> Value:
    """``str(instance)``, ``repr(instance)``."""
    special = None if is_repr else run.call_special(instance, "__str__", (), place)
    member = None if is_repr else text_of_member(instance)
    if special is None and member is None:
        special = run.call_special(instance, "__repr__", (), place)
    if special is not None:
        return special
    return member or run.state.fresh(Why.RUNTIME, f"an instance of {instance.cls.name}")


def _fold_row(run: Run, name: str, row: tuple[Value, ...], place: Place | None) -> Value:
    try:
        plain = [_plain(asked(run, value) if name == "builtins.bool" else value) for value in row]
        if _is_endless(name, plain):
            raise ValueError
        if any(isinstance(v, str) and len(v) > 4000 for v in plain):
            raise ValueError
        result = _FOLD[name](*plain)
        if isinstance(result, tuple):
            return TupleV(tuple(map(Const, result)))
        return bounded(run, result)
    except Exception:
        if name in ("builtins.int", "builtins.float") and len(row) == 1 and isinstance(row[0], Unknown):
            return Unknown(row[0].reason, (name, row[0].key))
        if len(row) == 1 and isinstance(row[0], TensorV):
            return run.keras.scalar(run, name, row[0], place)
        if name in ("builtins.str", "builtins.repr") and len(row) == 1 and isinstance(row[0], InstanceV):
            return _text_of(run, row[0], place, is_repr=name == "builtins.repr")
        for value in row:
            if isinstance(value, Unknown):
                return Unknown(value.reason, (name, value.key))
        return run.state.fresh(Why.RUNTIME, f"{name.rpartition('.')[2]}()")


def _is_endless(name: str, plain: list[Any]) -> bool:
    """Whether numbers ask for a power, or for rounding to a power of ten, that is too large to be made."""
    exponents = {"builtins.pow": plain, "builtins.round": plain[1:]}.get(name, [])
    return any(isinstance(v, (int, float)) and abs(v) > 1000 for v in exponents)


def _length(run: Run, value: Value) -> Value:
    if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
        return Const(len(value.value))
    if isinstance(value, (ListV, TupleV, DictV, ClassV)) or items_of_named(value) is not None:
        items = spread(run, value)
        if isinstance(items, TupleV) and not items.open:
            return Const(len(items.items))
    if isinstance(value, Unknown):
        return Unknown(value.reason, ("len", value.key))
    own = run.call_special(value, "__len__", (), None)
    return own if own is not None else run.state.fresh(Why.RUNTIME, "a length")


def _partial(run: Run, args: Args, place: Place | None) -> Value:
    if not args.positional:
        return run.state.fresh(Why.UNSUPPORTED, "partial()")
    return PartialV(args.positional[0], args.rest(), place)


def _static_method(run: Run, args: Args, place: Place | None) -> Value | None:
    """``loss = staticmethod(function)`` in a class: the function as it is, bound to nothing."""
    function = args.positional[0] if args.positional else None
    return PartialV(function, Args(), function.place) if isinstance(function, FuncV) else function


def _dict(run: Run, args: Args, place: Place | None) -> Value:
    made = dicts.union(run, *args.positional[:1])
    dicts.update_items(run, made, {k: (Const(k), v) for k, v in args.keywords.items()})
    if args.double is not None:
        dicts.update(run, made, args.double)
    return made


def _dict_of_keys(run: Run, args: Args, place: Place | None) -> Value | None:
    keys, value = (*args.positional, NONE, NONE)[:2]
    items = spread(run, keys)
    if not isinstance(items, TupleV):
        return None
    made = DictV({}, items.open)
    for key in items.items:
        dicts.set_entry(run, made, key, value)
    return made


def _default_dict(run: Run, args: Args, place: Place | None) -> Value:
    factory = args.positional[0] if args.positional else NONE
    made = _dict(run, args.rest(), place)
    if isinstance(made, DictV) and not (isinstance(factory, Const) and factory.value is None):
        made.slots[FACTORY] = factory
    return made


def _slice(run: Run, args: Args, place: Place | None) -> Value | None:
    bounds = args.positional
    if not 1 <= len(bounds) <= 3:
        return None
    return SliceV(NONE, bounds[0], NONE) if len(bounds) == 1 else SliceV(*(*bounds, NONE)[:3])


def _cast(run: Run, args: Args, place: Place | None) -> Value | None:
    return args.get(1, "val")


def _namespace(run: Run, args: Args, place: Place | None) -> Value:
    return BagV("namespace", **args.keywords)


def _suppress(run: Run, args: Args, place: Place | None) -> Value | None:
    return BagV(SUPPRESS, kinds=TupleV(args.positional, args.star is not None))


def _none(run: Run, args: Args, place: Place | None) -> Value:
    return NONE


def _cache(run: Run, args: Args, place: Place | None) -> Value:
    """``lru_cache(maxsize=None)`` decorates as ``cache`` does; given a function, it is that function."""
    return args.positional[0] if args.positional and isinstance(args.positional[0], FuncV) else _KEEPS


_KEEPS = ExternalV("functools.cache")


def _new(run: Run, args: Args, place: Place | None) -> Value | None:
    return allocate(run, args)


def _made_by_type(run: Run, args: Args, place: Place | None) -> Value | None:
    """``type.__call__(cls, ...)``, in a metaclass."""
    cls = args.positional[0] if args.positional else None
    return construct(run, cls, args.rest(), place) if isinstance(cls, ClassV) else None


def _bound_to(run: Run, args: Args, place: Place | None) -> Value | None:
    function, receiver = (*args.positional, NONE, NONE)[:2]
    return BoundV(function, receiver) if isinstance(function, FuncV) else None


_FUNCTIONS: dict[str, Function] = {
    **ITERABLES,
    **COMBINING,
    **workers.WORKERS,
    **REFLECTION,
    **CASES,
    **SPELLED,
    **SETTINGS,
    "functools.partial": _partial,
    "builtins.staticmethod": _static_method,
    "builtins.dict": _dict,
    "builtins.dict.fromkeys": _dict_of_keys,
    "builtins.slice": _slice,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _default_dict,
    "builtins.object.__new__": _new,
    "builtins.type.__new__": _new,
    "builtins.type.__call__": _made_by_type,
    "builtins.print": _none,
    "copy.copy": copying.shallow,
    "copy.deepcopy": copying.deep,
    "types.MethodType": _bound_to,
    "functools.lru_cache": _cache,
    "typing.cast": _cast,
    "contextlib.suppress": _suppress,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "ml_collections.ConfigDict": _namespace,
}


def call_method(run: Run, method: MethodV, args: Args, place: Place | None) -> Value | None:
    """A method of a plain value: list, dict, str, function, parser ..."""
    receiver = method.receiver
    if isinstance(receiver, (ListV, DictV, TupleV)):
        return containers.call_method(run, receiver, method.name, args, place)
    if isinstance(receiver, Const):
        return _constant_method(run, receiver, method.name, args)
    if isinstance(receiver, BagV):
        if receiver.kind == GENERIC and method.name == "register":
            return register(run, receiver, args, place)
        handed = workers.call_method(run, receiver, method.name, args, place)
        return handed or options.call_method(run, receiver, method.name, args, place)
    if isinstance(receiver, (FuncV, BoundV, PartialV)) and method.name in (
        "__call__",
        "get_concrete_function",
        "python_function",
    ):
        return run.call(receiver, args, place)
    if isinstance(receiver, InstanceV):
        own = records.call_method(run, receiver, method.name, args, place)
        if own is not None:
            return own
        lent = wrapped.call_method(run, receiver, method.name, args, place)
        return NONE if lent is None and method.name == "__init__" else lent
    return call_type(run, receiver, method.name, args, place)


_TEXT_METHODS = frozenset(
    [
        "lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "format", "replace",
        "split", "join", "startswith", "endswith", "removeprefix", "removesuffix", "isdigit",
        "casefold", "partition", "rpartition", "splitlines", "zfill", "rsplit", "find", "index",
        "count", "isalpha", "islower", "isupper", "swapcase",
    ]
)  # fmt: skip


def _constant_method(run: Run, receiver: Const, name: str, args: Args) -> Value:
    if isinstance(receiver.value, str) and name in _TEXT_METHODS and not args.star and not args.double:
        try:
            plain = [_plain(v) for v in args.positional]
            named = {key: _plain(v) for key, v in args.keywords.items()}
            if name == "format" and (len(receiver.value) > 2000 or ":" in receiver.value):
                raise ValueError
            if _explodes(receiver.value, name, plain):
                raise ValueError
            result = getattr(receiver.value, name)(*plain, **named)
        except Exception:
            return put_together(run)
        if isinstance(result, (list, tuple)):
            return ListV(tuple(Const(v, receiver.place) for v in result[:256]), len(result) > 256)
        return bounded(run, result, receiver.place)
    return run.state.fresh(Why.RUNTIME, f"method {name}")


def _explodes(text: str, name: str, arguments: list[Any]) -> bool:
    """Whether a method of text may give one that is much longer than what it was given."""
    if name == "zfill":
        return not all(isinstance(width, int) and width < 1000 for width in arguments)
    if name == "replace" and len(arguments) > 1:
        return len(text) * len(str(arguments[1])) > MAX_TEXT
    if name == "join" and arguments:
        return len(text) * len(arguments[0]) > MAX_TEXT
    return len(text) > MAX_TEXT


def default_of_get(function: Unknown, args: Args) -> Value | None:
    """``unknown.get(key, default)``: the run that really happens takes the default.

    ``get(section, option)`` of an .ini file has none, and of an object of the project it is not known.
    """
    key = function.key
    if isinstance(key, tuple) and len(key) == 3 and key[0] == "attribute" and key[2] == "get":
        return None if begins(key[1], INI) or begins(key[1], INSTANCE) else args.get(1, "default")
    return None
