"""``argparse``: parsers, their options by default, and what a command line in the code makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.choice import choose
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.values import (
    ALWAYS,
    FALSE,
    NONE,
    TRUE,
    Args,
    BagV,
    BoundV,
    Choice,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    Guard,
    ListV,
    MethodV,
    PartialV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

PARSERS = ("argparse.ArgumentParser", "configargparse.ArgumentParser", "configargparse.ArgParser", "tap.Tap")
_PARSER, _COMMANDS = "parser", "commands"
KINDS = (_PARSER, _COMMANDS)
_CONVERT: dict[str, Callable[[str], Any]] = {
    "builtins.bool": bool,
    "builtins.float": float,
    "builtins.int": int,
    "builtins.str": str,
}
MAX_WORDS = 256
"""Words of a command line that are read."""


_READING = frozenset(
    {
        "allow_abbrev",
        "argument_default",
        "conflict_handler",
        "fromfile_prefix_chars",
        "parents",
        "prefix_chars",
    }
)
"""Settings of a parser that change how it reads words."""
_GROWING = frozenset({"append", "append_const", "count", "extend"})
"""Actions that go on from the default."""


def new_parser(args: Args) -> BagV:
    made = BagV(_PARSER)
    if args.double is not None or not _READING.isdisjoint(args.keywords):
        made.slots[_OTHERWISE] = TRUE
    return made


_OTHERWISE = "$otherwise"
"""Set in a parser whose words are not read as by default."""


def call_method(run: Run, bag: BagV, name: str, args: Args) -> Value | None:
    """A method of a parser, or of what makes its commands."""
    if bag.kind == _COMMANDS:
        return _add_command(run, bag, args) if name == "add_parser" else None
    if name in ("parse_args", "parse_known_args"):
        space = BagV("namespace", **_chosen(bag))
        words = args.get(0, "args")
        if args.get(1, "namespace") is not None:
            return run.state.fresh(Why.RUNTIME, "options in a namespace that was there before")
        if words is not None and not _is_the_user_s(run, words):
            space.slots.update(_given(run, bag, words))
        if name == "parse_args":
            return space
        return TupleV((space, run.state.fresh(Why.RUNTIME, "other arguments")))
    if name == "add_argument":
        _add_argument(run, bag, args)
        return NONE
    if name == "set_defaults":
        for key, value in args.keywords.items():
            run.state.write(bag, ("option", key), value)
        return NONE
    if name in ("add_argument_group", "add_mutually_exclusive_group"):
        return bag
    if name == "add_subparsers":
        return BagV(_COMMANDS, parser=bag, dest=args.keywords.get("dest") or NONE)
    return None


def _add_command(run: Run, commands: BagV, args: Args) -> Value:
    """``commands.add_parser("train")``: a parser whose options are there where the command is given."""
    made, parser = BagV(_PARSER), commands.slots["parser"]
    name = args.get(0, "name") or NONE
    dest = commands.slots["dest"]
    if isinstance(dest, Const) and isinstance(dest.value, str):
        run.state.write(made, ("option", dest.value), name)
    if isinstance(parser, BagV):
        run.state.write(parser, ("command", id(made)), made)
    return made


def _chosen(bag: BagV) -> dict[str, Value]:
    """The options of a parser, with those of whichever of its commands is given."""
    found = {
        key[1]: value for key, value in bag.slots.items() if isinstance(key, tuple) and key[0] == "option"
    }
    commands = [held for key, held in bag.slots.items() if isinstance(key, tuple) and key[0] == "command"]
    rows: dict[str, list[tuple[Guard, Value]]] = {}
    for command in commands:
        guard: Guard = ALWAYS
        if len(commands) > 1:
            guard = frozenset({(("==", ("the command of", id(bag)), id(command)), True)})
        for name, value in _chosen(command).items() if isinstance(command, BagV) else ():
            rows.setdefault(name, []).append((guard, value))
    return {**found, **{name: choose(pairs) for name, pairs in rows.items()}}


def _add_argument(run: Run, bag: BagV, args: Args) -> None:
    flags = [v.value for v in args.positional if isinstance(v, Const) and isinstance(v.value, str)]
    if not flags:
        return
    dest = args.keywords.get("dest")
    long = next((f for f in flags if f.startswith("--")), flags[0])
    name = str(dest.value) if isinstance(dest, Const) else long.lstrip("-").replace("-", "_")
    arguments = _arguments(bag)
    said = ("option", name) in bag.slots and "default" not in args.keywords  # by set_defaults()
    if not said and all(_name(one) != name for one in arguments):
        # Of several arguments for one name, the first says what it is by default.
        run.state.write(bag, ("option", name), _default(run, flags, args, name))
    one = BagV("argument", name=Const(name), flags=TupleV(tuple(map(Const, flags))), **_described(args))
    run.state.write(bag, (_ARGUMENT, len(arguments)), one)


_ARGUMENT = "argument"
_DESCRIBED = ("action", "nargs", "const", "type", "default")


def _described(args: Args) -> dict[str, Value]:
    return {key: args.keywords[key] for key in _DESCRIBED if key in args.keywords}


def _arguments(bag: BagV) -> list[BagV]:
    """What was added to a parser."""
    rows = [held for key, held in bag.slots.items() if isinstance(key, tuple) and key[0] == _ARGUMENT]
    return [held for held in rows if isinstance(held, BagV)]


def _default(run: Run, flags: list[str], args: Args, name: str) -> Value:
    required = args.keywords.get("required")
    positional = not flags[0].startswith("-")
    nargs = args.keywords.get("nargs")
    optional = isinstance(nargs, Const) and nargs.value in ("?", "*")
    if (isinstance(required, Const) and required.value) or (positional and not optional):
        return Unknown(Undecided(Why.RUNTIME, f"command-line argument {name}"), ("option", name, id(args)))
    default = args.keywords.get("default")
    action = args.keywords.get("action")
    if default is None and isinstance(action, Const) and action.value in ("store_true", "store_false"):
        return FALSE if action.value == "store_true" else TRUE
    if default is None:
        return NONE
    return _converted(run, default, args.keywords.get("type"))


def _converted(run: Run, text: Value, kind: Value | None) -> Value:
    """What ``type`` makes of a text; argparse converts defaults that are strings as well."""
    if not isinstance(text, Const) or not isinstance(text.value, str) or kind is None:
        return text
    if isinstance(kind, (BoundV, ClassV, FuncV, PartialV)):
        return run.call(kind, Args((text,)), None)
    if not isinstance(kind, ExternalV):
        return text
    if kind.name.startswith("builtins.str."):
        return run.call(MethodV(text, kind.name.rpartition(".")[2]), Args(), None)
    if kind.name not in _CONVERT:
        return run.state.fresh(Why.RUNTIME, f"what {kind.name} makes of a text")
    try:
        return Const(_CONVERT[kind.name](text.value))
    except ValueError:
        return text


# -- a command line that stands in the code ------------------------------------------------------
def _is_the_user_s(run: Run, words: Value) -> bool:
    """Whether a command line is one that a user gives, of which nothing stands in the code, not even how many
    words it has: no option is set then. Neither is by an empty one."""
    if isinstance(words, Choice):
        return all(_is_the_user_s(run, option) for _, option in words.alternatives)
    if isinstance(words, Const):
        return not words.value
    content = spread(run, words) if isinstance(words, (ListV, TupleV)) else None
    if not isinstance(content, TupleV) or not content.items:
        return True
    return content.open and all(isinstance(item, Unknown) for item in content.items)


def _given(run: Run, bag: BagV, words: Value) -> dict[str, Value]:
    """The options that a list of words sets: ``parse_args(["--epochs", "3"])``.

    Where the words can't be understood, no option is known.
    """
    content = spread(run, words) if isinstance(words, (ListV, TupleV)) else None
    arguments = _arguments(bag)
    try:
        if not isinstance(content, TupleV) or not _reads_plainly(bag, arguments):
            raise ValueError("words that are not read one by one")
        found = _parsed(arguments, content)
    except (ValueError, TypeError):
        unknown = run.state.fresh(Why.RUNTIME, "a command line that is not understood")
        return dict.fromkeys(_chosen(bag), unknown)
    kinds = {_name(one): one.slots.get("type") for one in arguments}
    return {name: _value(run, held, kinds.get(name)) for name, held in found.items()}


def _reads_plainly(bag: BagV, arguments: list[BagV]) -> bool:
    """Whether words mean what they say: no commands, no settings, and no defaults that grow."""
    commands = any(isinstance(key, tuple) and key[0] == "command" for key in bag.slots)
    actions = [one.slots.get("action") for one in arguments if "default" in one.slots]
    grows = any(isinstance(action, Const) and action.value in _GROWING for action in actions)
    return not commands and not grows and _OTHERWISE not in bag.slots


def _parsed(arguments: list[BagV], content: TupleV) -> dict[str, Any]:
    """What argparse itself makes of words, some of which may stand for what is not known."""
    # Most programs give no words: argparse is imported where one does.
    from fromlogits_audit.interp.argv import parsed, takes_a_number

    if content.open or len(content.items) > MAX_WORDS:
        raise ValueError("too long a command line")
    words = [
        str(item.value) if isinstance(item, Const) else f"\0{at}" for at, item in enumerate(content.items)
    ]
    settings = [_settings(one) for one in arguments]
    found, rest = parsed(list(zip(map(_flags, arguments), settings, strict=True)), words)
    fixed = {_name(one) for one, said in zip(arguments, settings, strict=True) if takes_a_number(said)}
    taken = {word for name in fixed & found.keys() for word in _texts(found[name])}
    hidden = {word for word in words if word.startswith("\0")}
    if hidden and (rest or not hidden <= taken):
        raise ValueError("a word that is not known, and that may be any option")
    known = dict(zip(words, content.items, strict=True))
    return {name: _said(held, known) for name, held in found.items()}


def _texts(found: Any) -> Iterator[str]:
    """The words that an option took, also where they are lists of lists."""
    if isinstance(found, list):
        for item in found:
            yield from _texts(item)
    elif isinstance(found, str):
        yield found


def _said(found: Any, known: dict[str, Value]) -> Any:
    """What argparse found, with the values that its words stand for."""
    if isinstance(found, list):
        return [_said(item, known) for item in found]
    return known.get(found, found) if isinstance(found, str) else found


def _name(one: BagV) -> str:
    name = one.slots["name"]
    return str(name.value) if isinstance(name, Const) else ""


def _flags(one: BagV) -> list[str]:
    flags = one.slots["flags"]
    return [str(f.value) for f in flags.items if isinstance(f, Const)] if isinstance(flags, TupleV) else []


def _settings(one: BagV) -> dict[str, Any]:
    """How an argument is read: ``action``, ``nargs`` and ``const``, which have to be known."""
    settings: dict[str, Any] = {}
    for key in ("action", "nargs", "const"):
        held = one.slots.get(key)
        if held is None:
            continue
        if isinstance(held, ExternalV):
            settings[key] = held.name
        elif isinstance(held, Const):
            settings[key] = held.value
        else:
            raise ValueError(f"{key} is not known")
    if _flags(one)[0].startswith("-"):
        settings["dest"] = _name(one)
    return settings


def _value(run: Run, found: Any, kind: Value | None) -> Value:
    """What argparse found as a value of the program."""
    if isinstance(found, list):
        return ListV(tuple(_value(run, item, kind) for item in found))
    if isinstance(found, (str, Value)):
        return _converted(run, Const(found) if isinstance(found, str) else found, kind)
    return NONE if found is None else Const(found)
