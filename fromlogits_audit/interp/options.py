"""What the outside gives a program: command lines, environment, files.

Defaults describe a run that happens.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp import commandline, records
from fromlogits_audit.interp.choice import choose
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keys import INI
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    Args,
    BagV,
    Const,
    DictV,
    Entries,
    FuncV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_FLAGS = (
    "absl.flags.",
    "tf.flags.",
    "tf.app.flags.",
    "tf.compat.v1.flags.",
    "tf.compat.v1.app.flags.",
    "gflags.",
)
_TEXT_READERS: dict[str, Callable[[str], Any]] = {
    "json.loads": json.loads,
    "ast.literal_eval": ast.literal_eval,
}
_MAX_TEXT = 4000


def call_external(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    if name in commandline.PARSERS:
        return commandline.new_parser(args)
    if name in ("os.environ.get", "os.getenv", "os.environ.setdefault"):
        return args.get(1, "default") or Unknown(
            Undecided(Why.RUNTIME, "an environment variable"), ("env", _text(args.get(0, "key")))
        )
    if name in ("dataclasses.field", "attr.ib", "attrs.field", "attr.field", "pydantic.Field"):
        return _field(args)
    if name.startswith(_FLAGS) or name.endswith(("flags.FLAGS", "FLAGS")):
        return _define_flag(run, name.rpartition(".")[2], args, place)
    if name in ("click.option", "typer.Option", "click.argument"):
        return _click(run, name, args)
    if name in _TEXT_READERS:
        return _parsed(_TEXT_READERS[name], args.get(0, "s")) or run.state.fresh(
            Why.RUNTIME, f"read by {name}", place
        )
    if name in (
        "json.load",
        "yaml.safe_load",
        "yaml.load",
        "toml.load",
        "tomllib.load",
        "pickle.load",
    ):
        return run.state.fresh(Why.RUNTIME, f"read by {name}", place)
    if name in _INI_READERS:
        read = run.state.fresh(Why.RUNTIME, f"read by {name}")
        return Unknown(read.reason, (INI, read.key), place)
    if name in ("builtins.input", "builtins.open", "sys.argv"):
        return run.state.fresh(Why.RUNTIME, name, place)
    return None


_INI_READERS = [f"configparser.{name}" for name in ("ConfigParser", "RawConfigParser", "SafeConfigParser")]


def _parsed(parse: Callable[[str], Any], text: Value | None) -> Value | None:
    """What is read from a text that stands in the program, None for other texts."""
    if not isinstance(text, Const) or not isinstance(text.value, str) or len(text.value) > _MAX_TEXT:
        return None
    try:
        return _value(parse(text.value))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _value(plain: Any) -> Value:
    if isinstance(plain, dict):
        return DictV({key: (Const(key), _value(item)) for key, item in plain.items() if key is not None})
    if isinstance(plain, (list, tuple)):
        items = tuple(_value(item) for item in plain)
        return ListV(items) if isinstance(plain, list) else TupleV(items)
    return NONE if plain is None else Const(plain)


def _text(value: Value | None) -> str:
    return str(value.value) if isinstance(value, Const) else "?"


def _field(args: Args) -> Value:
    given = {
        key: value for key, value in args.keywords.items() if key in ("default", "default_factory", "factory")
    }
    if "factory" in given:
        given["default_factory"] = given.pop("factory")
    if args.positional:
        given.setdefault("default", args.positional[0])
    return BagV("field", **given)


def _define_flag(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    if name in ("mark_flag_as_required", "mark_flags_as_required"):
        return _require(run, args, place)
    if not name.startswith("DEFINE"):
        return None
    flag, default = args.get(0, "name"), args.get(1, "default") or NONE
    if isinstance(flag, Const) and isinstance(flag.value, str):
        required = args.keywords.get("required")
        if isinstance(required, Const) and required.value:
            default = _given(flag.value)
        run.state.write(run.flags, (_program(place), flag.value), default)
        made = BagV("flag")
        made.slots["value"] = default
        return made
    return NONE


def _given(flag: str) -> Unknown:
    """The value of a flag that the command line has to give."""
    return Unknown(Undecided(Why.RUNTIME, f"command-line argument {flag}"), ("flag", flag))


def _require(run: Run, args: Args, place: Place | None) -> Value:
    """A required flag has no default that a run could happen with."""
    given = args.get(0, "flag_name") or args.get(0, "flag_names")
    names = spread(run, given) if isinstance(given, (ListV, TupleV)) else TupleV((given or NONE,))
    for name in names.items if isinstance(names, TupleV) else ():
        if isinstance(name, Const) and isinstance(name.value, str):
            run.state.write(run.flags, (_program(place), name.value), _given(name.value))
    return NONE


def _program(place: Place | None) -> int:
    return id(place.chunk.module) if place is not None else 0


def flag(run: Run, name: str, place: Place) -> Value | None:
    """``FLAGS.name``: the flag that the reading module defines, else that of one of the programs that do."""
    defined = run.flags.slots
    own = defined.get((_program(place), name))
    if own is not None:
        return own
    rows = [(key[0], value) for key, value in defined.items() if isinstance(key, tuple) and key[1] == name]
    guards = [frozenset({(("==", "the program's flags", program), True)}) for program, _ in rows]
    return choose([(guard, value) for guard, (_, value) in zip(guards, rows, strict=True)]) if rows else None


def _click(run: Run, name: str, args: Args) -> Value:
    """A click option gives the decorated function's parameter its default."""
    if name == "typer.Option":
        return args.get(0, "default") or NONE
    flags = [v.value for v in args.positional if isinstance(v, Const) and isinstance(v.value, str)]
    long = next((f for f in flags if f.startswith("--")), flags[0] if flags else "")
    plain = next((f for f in flags if not f.startswith("-")), long.split("/")[0].lstrip("-")).replace(
        "-", "_"
    )
    value = args.keywords.get("default")
    if value is None and "is_flag" in args.keywords:
        value = FALSE
    if value is None and name == "click.option" and "required" not in args.keywords:
        value = NONE
    bag = BagV("click-option", name=Const(plain))
    if value is not None:
        bag.slots["default"] = value
    return bag


def apply_option(function: Value, option: BagV) -> None:
    """Remember the default of a command-line decorator on the function it decorates."""
    name = option.slots.get("name")
    if isinstance(function, FuncV) and isinstance(name, Const) and "default" in option.slots:
        function.core.options[str(name.value)] = option.slots["default"]


def call_method(run: Run, bag: BagV, name: str, args: Args, place: Place | None) -> Value | None:
    if bag.kind in commandline.KINDS:
        return commandline.call_method(run, bag, name, args)
    of_named = records.call_method(run, bag, name, args, place)
    if of_named is not None:
        return of_named
    if name == "update":  # of a ConfigDict
        return _updated(run, bag, args)
    if name in ("get", "pop"):
        key = args.get(0, "key")
        found = bag.slots.get(key.value) if isinstance(key, Const) else None
        return found or args.get(1, "default") or run.state.fresh(Why.RUNTIME, "an option")
    return None


def _updated(run: Run, bag: BagV, args: Args) -> Value:
    given = content_of(run, args.positional[0]) if args.positional else Entries({})
    known = given if isinstance(given, Entries) else Entries({}, open=True)
    if known.open or args.double is not None:
        for name in list(bag.slots):
            run.state.write(bag, name, run.state.fresh(Why.RUNTIME, f"option {name}"))
    changes = {key: value for key, (_, value) in known.items.items()} | args.keywords
    for key, value in changes.items():
        run.state.write(bag, key, value)
    return NONE
