"""Python itself: builtins, the standard library's common helpers, methods of plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp import containers, options
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.classes import external_bases, resolution_order
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
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
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Function = Callable[["Run", Args, "Place | None"], "Value | None"]
MAX_RANGE = 64
_FOLD: dict[str, Callable[..., Any]] = {
    "builtins.int": int, "builtins.float": float, "builtins.str": str, "builtins.bool": bool,
    "builtins.abs": abs, "builtins.round": round, "builtins.min": min, "builtins.max": max,
    "builtins.sum": sum, "builtins.len": len, "builtins.pow": pow, "builtins.ord": ord,
    "builtins.chr": chr, "math.ceil": __import__("math").ceil, "math.floor": __import__("math").floor,
    "math.sqrt": __import__("math").sqrt, "math.log": __import__("math").log, "math.prod": __import__("math").prod,
    "numpy.prod": __import__("math").prod, "math.pow": pow, "numpy.ceil": __import__("math").ceil,
}  # fmt: skip


def call_external(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    """A call of a builtin or of a known function of the standard library, None for others."""
    function = _FUNCTIONS.get(name)
    if function is not None:
        return function(run, args, place)
    if name in _FOLD:
        return _folded(run, name, args)
    if name.startswith("builtins.") and name[9:].endswith(("Error", "Exception", "Warning")):
        return run.state.fresh(Why.RUNTIME, "an exception")
    return options.call_external(run, name, args, place)


def _plain(value: Value) -> Any:
    """The Python value of a constant or of a closed sequence of constants; raises ValueError."""
    if isinstance(value, Const):
        return value.value
    content = value.slots["items"] if isinstance(value, ListV) else value
    if isinstance(content, TupleV) and not content.open and len(content.items) <= 256:
        return [_plain(item) for item in content.items]
    raise ValueError


def _folded(run: Run, name: str, args: Args) -> Value:
    if name == "builtins.len" and len(args.positional) == 1:
        return _length(run, args.positional[0])
    rows = product(args.positional, run.state.guard)
    return choose([(guard, _fold_row(run, name, row, args)) for guard, row in rows])


def _fold_row(run: Run, name: str, row: tuple[Value, ...], args: Args) -> Value:
    try:
        plain = [_plain(value) for value in row]
        if name == "builtins.pow" and any(isinstance(v, (int, float)) and abs(v) > 1000 for v in plain):
            raise ValueError
        if any(isinstance(v, str) and len(v) > 4000 for v in plain):
            raise ValueError
        return Const(_FOLD[name](*plain))
    except Exception:
        if name in ("builtins.int", "builtins.float") and len(row) == 1 and isinstance(row[0], Unknown):
            return Unknown(row[0].reason, (name, row[0].key))
        if len(row) == 1 and isinstance(row[0], TensorV):
            return run.keras.scalar(run, name, row[0])
        if name == "builtins.str" and row and isinstance(row[0], InstanceV) and "value" in row[0].slots:
            return row[0].slots["value"]
        for value in row:
            if isinstance(value, Unknown):
                return Unknown(value.reason, (name, value.key))
        return run.state.fresh(Why.RUNTIME, f"{name.rpartition('.')[2]}()")


def _length(run: Run, value: Value) -> Value:
    if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
        return Const(len(value.value))
    if isinstance(value, (ListV, TupleV, DictV, ClassV)):
        items = spread(run, value)
        if isinstance(items, TupleV) and not items.open:
            return Const(len(items.items))
    if isinstance(value, Unknown):
        return Unknown(value.reason, ("len", value.key))
    return run.state.fresh(Why.RUNTIME, "a length")


def _range(run: Run, args: Args, place: Place | None) -> Value:
    numbers = [v.value for v in args.positional if isinstance(v, Const) and isinstance(v.value, int)]
    if len(numbers) == len(args.positional) and 1 <= len(numbers) <= 3:
        try:
            values = range(*numbers)
        except ValueError:
            return TupleV(())
        if len(values) <= MAX_RANGE:
            return TupleV(tuple(Const(n) for n in values))
    return TupleV((run.state.fresh(Why.RUNTIME, "a loop counter"),), True)


def _sequence(run: Run, args: Args, place: Place | None) -> Value:
    if not args.positional:
        return ListV()
    items = spread(run, args.positional[0])
    return ListV(items.items, items.open) if isinstance(items, TupleV) else items


def _tuple(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[0]) if args.positional else TupleV(())
    return items


def _reversed(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[0])
    return TupleV(items.items[::-1], items.open) if isinstance(items, TupleV) else items


def _zip(run: Run, args: Args, place: Place | None) -> Value:
    rows = [spread(run, value) for value in args.positional]
    for row in rows:
        if isinstance(row, Unknown):
            items = tuple(
                r.items[0] if isinstance(r, TupleV) and r.items else run.state.fresh(Why.RUNTIME, "an item")
                for r in rows
            )
            return TupleV((TupleV(items),), True)
    known = [row for row in rows if isinstance(row, TupleV)]
    closed = [row for row in known if not row.open]
    length = min((len(row.items) for row in closed), default=1)
    padded = [row.items + row.items[-1:] * (length - len(row.items)) for row in known]
    return TupleV(tuple(TupleV(tuple(r)) for r in zip(*padded, strict=False)), not closed)


def _enumerate(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[0])
    if isinstance(items, Unknown):
        return TupleV(
            (
                TupleV(
                    (run.state.fresh(Why.RUNTIME, "a counter"), Unknown(items.reason, ("each", items.key)))
                ),
            ),
            True,
        )
    start = args.get(1, "start")
    first = start.value if isinstance(start, Const) and isinstance(start.value, int) else 0
    return TupleV(tuple(TupleV((Const(n), v)) for n, v in enumerate(items.items, first)), items.open)


def _map(run: Run, args: Args, place: Place | None) -> Value:
    if len(args.positional) < 2:
        return run.state.fresh(Why.UNSUPPORTED, "map()")
    items = spread(run, args.positional[1])
    if isinstance(items, Unknown):
        return IterOf(
            run, run.call(args.positional[0], Args((Unknown(items.reason, ("each", items.key)),)), place)
        )
    results = tuple(run.call(args.positional[0], Args((v,)), place) for v in items.items[:MAX_RANGE])
    return TupleV(results, items.open)


def IterOf(run: Run, element: Value) -> Value:
    return TupleV((element,), True)


def _filter(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[1]) if len(args.positional) > 1 else TupleV(())
    return TupleV(items.items, True) if isinstance(items, TupleV) else items


def _first(run: Run, args: Args, place: Place | None) -> Value:
    if not args.positional:
        return NONE
    items = spread(run, args.positional[0])
    if isinstance(items, TupleV):
        return (
            items.items[0]
            if items.items
            else args.get(1, "default") or run.state.fresh(Why.RUNTIME, "next()")
        )
    return Unknown(items.reason, ("each", items.key))


def _same(run: Run, args: Args, place: Place | None) -> Value:
    return args.positional[0] if args.positional else ListV()


def _getattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "object"), args.get(1, "name")
    if base is None or name is None or place is None:
        return run.state.fresh(Why.UNSUPPORTED, "getattr()")
    pairs = []
    for guard, (b, n) in product([base, name], run.state.guard):
        if isinstance(n, Const) and isinstance(n.value, str):
            pairs.append((guard, _attribute_or_default(run, b, n.value, args.get(2, "default"), place)))
        elif isinstance(n, Unknown):
            pairs.append((guard, Unknown(n.reason, ("getattr", n.key), place)))
        else:
            pairs.append((guard, run.state.fresh(Why.RUNTIME, "getattr() of a name that is not known")))
    return choose(pairs)


def _attribute_or_default(run: Run, base: Value, name: str, default: Value | None, place: Place) -> Value:
    value = run.attribute(base, name, place)
    missing = isinstance(value, Unknown) and value.reason.why in (Why.UNDEFINED, Why.RUNTIME, Why.PARAMETER)
    return default if default is not None and missing else value


def _setattr(run: Run, args: Args, place: Place | None) -> Value:
    from fromlogits_audit.interp.attributes import set_attribute

    if len(args.positional) == 3 and isinstance(args.positional[1], Const):
        set_attribute(run, args.positional[0], str(args.positional[1].value), args.positional[2])
    return NONE


def _hasattr(run: Run, args: Args, place: Place | None) -> Value:
    base, name = args.get(0, "obj"), args.get(1, "name")
    if isinstance(base, (InstanceV, BagV)) and isinstance(name, Const):
        if name.value in base.slots:
            return Const(True)
        if isinstance(base, InstanceV) and not external_bases(base.cls):
            return Const(any(name.value in cls.slots for cls in resolution_order(base.cls)))
    return run.state.fresh(Why.RUNTIME, "hasattr()")


def _isinstance(run: Run, args: Args, place: Place | None) -> Value:
    if len(args.positional) != 2:
        return run.state.fresh(Why.UNSUPPORTED, "isinstance()")
    value, kinds = args.positional
    options_ = kinds.items if isinstance(kinds, TupleV) else (kinds,)
    answers = [_is_instance(value, kind) for kind in options_]
    if True in answers:
        return Const(True)
    if None in answers:
        return Unknown(
            Undecided(Why.RUNTIME, "isinstance()"),
            ("isinstance", _key(value), tuple(_key(k) for k in options_)),
        )
    return Const(False)


def _key(value: Value) -> Any:
    from fromlogits_audit.interp.operators import identity

    return identity(value)


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": (float,), "bool": (bool,), "bytes": (bytes,),
}  # fmt: skip


def _is_instance(value: Value, kind: Value) -> bool | None:
    if isinstance(value, Unknown):
        return None
    if isinstance(kind, ClassV):
        return kind in resolution_order(value.cls) if isinstance(value, InstanceV) else False
    if not isinstance(kind, ExternalV):
        return None
    name = kind.name.rpartition(".")[2]
    if kind.name.startswith("builtins."):
        if isinstance(value, Const):
            return isinstance(value.value, _TYPES[name]) if name in _TYPES else None
        known = {"list": ListV, "tuple": TupleV, "dict": DictV}.get(name)
        if known is not None:
            return isinstance(value, known)
        return False if name in _TYPES else None
    if isinstance(value, InstanceV):
        return True if kind.name in external_bases(value.cls) else None
    return False if isinstance(value, (Const, ListV, TupleV, DictV)) else None


def _callable(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    if isinstance(value, (FuncV, BoundV, ClassV, PartialV, MethodV)):
        return Const(True)
    if isinstance(value, (Const, ListV, TupleV, DictV)):
        return Const(False)
    return run.state.fresh(Why.RUNTIME, "callable()")


def _any_all(want: bool) -> Function:
    def function(run: Run, args: Args, place: Place | None) -> Value:
        items = spread(run, args.positional[0]) if args.positional else TupleV(())
        if not isinstance(items, TupleV):
            return Unknown(items.reason, ("any", items.key))
        answers = [truth(run.state, v) for v in items.items]
        if want in answers and not items.open:
            return Const(want)
        if None in answers or items.open:
            return run.state.fresh(Why.RUNTIME, "any()/all()")
        return Const(not want)

    return function


def _partial(run: Run, args: Args, place: Place | None) -> Value:
    if not args.positional:
        return run.state.fresh(Why.UNSUPPORTED, "partial()")
    rest = Args(args.positional[1:], args.keywords, args.star, args.double)
    return PartialV(args.positional[0], rest, place)


def _reduce(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[1]) if len(args.positional) > 1 else None
    if not isinstance(items, TupleV):
        return run.state.fresh(Why.RUNTIME, "reduce()")
    values = list(items.items)
    result = args.get(2, "initial") or (values.pop(0) if values else NONE)
    for value in values[:MAX_RANGE]:
        result = run.call(args.positional[0], Args((result, value)), place)
    return result


def _dict(run: Run, args: Args, place: Place | None) -> Value:
    made = DictV()
    if args.positional:
        containers.update(run, made, args.positional[0])
    containers.update_items(
        run, made, {k: (Const(k), v) for k, v in args.keywords.items()}, is_open=args.double is not None
    )
    return made


def _type(run: Run, args: Args, place: Place | None) -> Value:
    value = args.positional[0] if args.positional else NONE
    if isinstance(value, InstanceV):
        return value.cls
    return run.state.fresh(Why.RUNTIME, "type()")


def _none(run: Run, args: Args, place: Place | None) -> Value:
    return NONE


def _identity_decorator(run: Run, args: Args, place: Place | None) -> Value:
    return ExternalV("fromlogits.transparent", place)


def _copy(run: Run, args: Args, place: Place | None) -> Value | None:
    value = args.positional[0] if args.positional else NONE
    if isinstance(value, (ListV, DictV)):
        return containers.copied(run, value)
    return value


def _deepcopy(run: Run, args: Args, place: Place | None) -> Value | None:
    return containers.deeply_copied(run, args.positional[0], 0) if args.positional else NONE


def _replaced(run: Run, args: Args, place: Place | None) -> Value | None:
    """``dataclasses.replace(obj, **changes)``."""
    source = args.positional[0] if args.positional else NONE
    if not isinstance(source, (InstanceV, BagV)):
        return None
    made = InstanceV(source.cls, place) if isinstance(source, InstanceV) else BagV(source.kind)
    made.slots.update(source.slots)
    made.slots.update(args.keywords)
    return made


def _property(run: Run, args: Args, place: Place | None) -> Value:
    getter = args.positional[0] if args.positional else NONE
    if isinstance(getter, FuncV):
        getter.core.kind = "property"
    return getter


_FUNCTIONS: dict[str, Function] = {
    "builtins.range": _range, "builtins.list": _sequence, "builtins.set": _sequence, "builtins.sorted": _sequence,
    "builtins.frozenset": _sequence, "collections.deque": _sequence, "builtins.tuple": _tuple, "builtins.reversed": _reversed,
    "builtins.zip": _zip, "builtins.enumerate": _enumerate, "builtins.map": _map, "builtins.filter": _filter,
    "builtins.next": _first, "builtins.iter": _same, "builtins.getattr": _getattr, "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr, "builtins.isinstance": _isinstance, "builtins.callable": _callable,
    "builtins.any": _any_all(True), "builtins.all": _any_all(False), "functools.partial": _partial,
    "functools.reduce": _reduce, "builtins.dict": _dict, "collections.OrderedDict": _dict, "builtins.type": _type,
    "builtins.print": _none, "copy.copy": _copy, "copy.deepcopy": _deepcopy, "dataclasses.replace": _replaced, "builtins.property": _property,
    "functools.wraps": _identity_decorator, "functools.lru_cache": _identity_decorator, "typing.cast": lambda r, a, p: a.get(1, "val"),
    "tqdm.tqdm": _same, "tqdm.notebook.tqdm": _same, "tqdm.auto.tqdm": _same, "tqdm.trange": _range,
    "types.SimpleNamespace": lambda r, a, p: BagV("namespace", **a.keywords), "argparse.Namespace": lambda r, a, p: BagV("namespace", **a.keywords),
    "ml_collections.ConfigDict": lambda r, a, p: BagV("namespace", **a.keywords), "easydict.EasyDict": _dict,
    "importlib.import_module": lambda r, a, p: _import(r, a, p), "builtins.__import__": lambda r, a, p: _import(r, a, p),
    "collections.namedtuple": lambda r, a, p: _namedtuple(r, a),
    "itertools.chain": lambda r, a, p: _chain(r, a),
}  # fmt: skip


def _import(run: Run, args: Args, place: Place | None) -> Value | None:
    """A module imported by a name that is known."""
    name = args.get(0, "name")
    frame = place.chunk.module.frame if place is not None else None
    if (
        isinstance(name, Const)
        and isinstance(name.value, str)
        and frame is not None
        and not name.value.startswith(".")
    ):
        return run.import_module(frame, name.value)
    return None


def _namedtuple(run: Run, args: Args) -> Value | None:
    """A maker of records: fields in order, with defaults for the last ones."""
    names = args.get(1, "field_names")
    if isinstance(names, Const) and isinstance(names.value, str):
        names = TupleV(tuple(Const(name) for name in names.value.replace(",", " ").split()))
    items = spread(run, names) if names is not None else None
    if not isinstance(items, TupleV) or items.open:
        return None
    made = BagV("record")
    defaults = spread(run, args.keywords["defaults"]) if "defaults" in args.keywords else TupleV(())
    given = defaults.items if isinstance(defaults, TupleV) else ()
    plain = [item.value for item in items.items if isinstance(item, Const)]
    for at, name in enumerate(plain):
        behind = at - (len(plain) - len(given))
        made.slots[str(name)] = (
            given[behind] if behind >= 0 else run.state.fresh(Why.PARAMETER, f"field {name}")
        )
    return made


def _chain(run: Run, args: Args) -> Value:
    items: tuple[Value, ...] = ()
    is_open = False
    for value in args.positional:
        part = spread(run, value)
        if isinstance(part, Unknown):
            is_open = True
            continue
        items += part.items
        is_open = is_open or part.open
    return TupleV(items, is_open)


def call_method(run: Run, method: MethodV, args: Args, place: Place | None) -> Value | None:
    """A method of a plain value: list, dict, str, function, parser ..."""
    receiver = method.receiver
    if isinstance(receiver, (ListV, DictV, TupleV)):
        return containers.call_method(run, receiver, method.name, args, place)
    if isinstance(receiver, Const):
        return _constant_method(run, receiver, method.name, args)
    if isinstance(receiver, BagV):
        return options.call_method(run, receiver, method.name, args, place)
    if isinstance(receiver, (FuncV, BoundV, PartialV)) and method.name in (
        "__call__",
        "get_concrete_function",
        "python_function",
    ):
        return run.call(receiver, args, place)
    if isinstance(receiver, InstanceV) and method.name == "__init__":
        return NONE
    return None


_TEXT_METHODS = frozenset(
    [
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "title",
        "capitalize",
        "format",
        "replace",
        "split",
        "join",
        "startswith",
        "endswith",
        "removeprefix",
        "removesuffix",
        "isdigit",
        "casefold",
        "partition",
        "rpartition",
        "splitlines",
        "zfill",
    ]
)


def _constant_method(run: Run, receiver: Const, name: str, args: Args) -> Value:
    if isinstance(receiver.value, str) and name in _TEXT_METHODS and not args.star and not args.double:
        try:
            plain = [_plain(v) for v in args.positional]
            named = {key: _plain(v) for key, v in args.keywords.items()}
            if name == "format" and (len(receiver.value) > 2000 or ":" in receiver.value):
                raise ValueError
            result = getattr(receiver.value, name)(*plain, **named)
        except Exception:
            return run.state.fresh(Why.RUNTIME, f"str.{name}()")
        if isinstance(result, (list, tuple)):
            return ListV(tuple(Const(v, receiver.place) for v in result[:256]))
        return Const(result, receiver.place)
    return run.state.fresh(Why.RUNTIME, f"method {name}")


def default_of_get(function: Unknown, args: Args) -> Value | None:
    """``unknown.get(key, default)``: the run that really happens takes the default."""
    key = function.key
    if isinstance(key, tuple) and len(key) == 3 and key[0] == "attribute" and key[2] == "get":
        return args.get(1, "default")
    return None
