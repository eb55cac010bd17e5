"""Ways in which a program says a literal: in place, by name, from a configuration, as a parameter."""

from __future__ import annotations

from collections.abc import Callable

from .writer import Module

Literal = str | int | bool | None
ROUTES: dict[str, float] = {
    "inline": 10,
    "constant": 2,
    "dict": 1,
    "dict-get": 0.6,
    "nested-dict": 0.4,
    "dataclass": 0.7,
    "class-attribute": 0.6,
    "named-tuple": 0.4,
    "namespace": 0.4,
    "enum": 0.4,
    "sibling": 0.8,
    "sibling-module": 0.5,
    "argparse": 0.6,
    "environ": 0.3,
    "function": 0.5,
    "conditional": 0.5,
    "statement-conditional": 0.4,
    "or-default": 0.4,
    "tuple": 0.4,
    "computed": 0.4,
    "default": 2,
    "argument": 2,
    "starred-argument": 0.6,
}


def literal(module: Module, value: Literal, hint: str) -> str:
    """An expression that is ``value`` when the program runs. ``hint`` names the variables on its way."""
    weights = dict(ROUTES)
    if module.function is None:
        for route in ("default", "argument", "starred-argument"):
            del weights[route]
    if not isinstance(value, str):
        del weights["environ"]
    return _ROUTES[module.project.choose("value", weights)](module, value, hint)


def _inline(module: Module, value: Literal, hint: str) -> str:
    return repr(value)


def _constant(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh(hint).upper()
    module.define(f"{name} = {value!r}")
    return name


def _dict(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("settings").upper()
    module.define(f'{name} = {{"epochs": 3, "{hint}": {value!r}, "rate": 0.1}}')
    return f'{name}["{hint}"]'


def _dict_get(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("options")
    module.define(f"{name} = dict(epochs=3, {hint}={value!r})")
    default = module.rng.choice(["", ", None"])
    return f'{name}.get("{hint}"{default})'


def _nested_dict(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("config").upper()
    module.define(f'{name} = {{"model": {{"{hint}": {value!r}}}, "train": {{"epochs": 1}}}}')
    return f'{name}["model"]["{hint}"]'


def _dataclass(module: Module, value: Literal, hint: str) -> str:
    name, made = module.fresh("Config"), module.fresh("config")
    module.need("from dataclasses import dataclass")
    given = module.rng.random() < 0.5
    other = "None" if given else repr(value)
    module.define("@dataclass", f"class {name}:", "    epochs: int = 3", f"    {hint}: object = {other}")
    module.define(f"{made} = {name}({f'{hint}={value!r}' if given else ''})")
    return f"{made}.{hint}"


def _class_attribute(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("Settings")
    module.define(f"class {name}:", f"    {hint} = {value!r}", "    epochs = 3")
    return f"{name}.{hint}"


def _named_tuple(module: Module, value: Literal, hint: str) -> str:
    name, made = module.fresh("Sizes"), module.fresh("sizes")
    module.need("from collections import namedtuple")
    module.define(f'{name} = namedtuple("{name}", ["epochs", "{hint}"])', f"{made} = {name}(3, {value!r})")
    return f"{made}.{hint}"


def _namespace(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("args")
    module.need("from types import SimpleNamespace")
    module.define(f"{name} = SimpleNamespace({hint}={value!r}, epochs=2)")
    return f"{name}.{hint}"


def _enum(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh("Choice")
    module.need("from enum import Enum")
    module.define(f"class {name}(Enum):", f"    {hint.upper()} = {value!r}", "    OTHER = 'other'")
    return f"{name}.{hint.upper()}.value"


def _sibling(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh(hint).upper()
    module.project.module("settings").define(f"{name} = {value!r}")
    return module.from_sibling("settings", name)


def _sibling_module(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh(hint).upper()
    module.project.module("constants").define(f"{name} = {value!r}")
    package = module.project.package
    module.need("from . import constants" if package else "import constants")
    return f"constants.{name}"


def _argparse(module: Module, value: Literal, hint: str) -> str:
    parser, made = module.fresh("parser"), module.fresh("args")
    module.need("import argparse")
    kind = (
        f", type={type(value).__name__}"
        if isinstance(value, (str, int)) and value not in (True, False)
        else ""
    )
    module.define(
        f"{parser} = argparse.ArgumentParser()",
        f'{parser}.add_argument("--{hint.replace("_", "-")}"{kind}, default={value!r})',
        f"{made} = {parser}.parse_args()",
    )
    return f"{made}.{hint}"


def _environ(module: Module, value: Literal, hint: str) -> str:
    module.need("import os")
    return f'os.environ.get("{module.fresh(hint).upper()}", {value!r})'


def _function(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh(f"the_{hint}")
    module.define(f"def {name}():", f"    return {value!r}")
    return f"{name}()"


def _conditional(module: Module, value: Literal, hint: str) -> str:
    flag, other = module.fresh("flag").upper(), {str: "relu", int: 3}.get(type(value))
    module.define(f"{flag} = {module.rng.choice(('True', '1'))}")
    return f"({value!r} if {flag} else {other!r})"


def _statement_conditional(module: Module, value: Literal, hint: str) -> str:
    flag, name = module.fresh("mode").upper(), module.fresh(hint)
    module.define(
        f'{flag} = "a"',
        f'if {flag} == "a":',
        f"    {name} = {value!r}",
        "else:",
        f"    {name} = {('relu' if isinstance(value, str) else 3)!r}",
    )
    return name


def _or_default(module: Module, value: Literal, hint: str) -> str:
    name = module.fresh(hint)
    module.define(f"{name} = None")
    if not value:
        return f"({name} and 1)" if value is None else repr(value)
    return f"({name} or {value!r})"


def _tuple(module: Module, value: Literal, hint: str) -> str:
    first, name = module.fresh("first"), module.fresh(hint)
    module.define(f"{first}, {name} = 12, {value!r}")
    return name


def _computed(module: Module, value: Literal, hint: str) -> str:
    if isinstance(value, bool):
        return f"not {not value}"
    if isinstance(value, int):
        return module.rng.choice(
            [f"{value + 1} - 1", f"len(range({value}))", f'int("{value}")', f"{value * 2} // 2"]
        )
    if isinstance(value, str):
        folded = f'"{value.upper()}".lower()' if value.islower() else repr(value)
        return module.rng.choice([f'"{value[:3]}" + "{value[3:]}"', folded, f'f"{value}"'])
    return repr(value)


def _default(module: Module, value: Literal, hint: str) -> str:
    assert module.function
    name = module.fresh(hint)
    module.function.parameters.append(f"{name}={value!r}")
    return name


def _argument(module: Module, value: Literal, hint: str) -> str:
    assert module.function
    name = module.fresh(hint)
    default = (
        module.rng.choice(["=None", "=7", ""])
        if any("=" not in p for p in module.function.parameters)
        else "=None"
    )
    if default:
        module.function.parameters.append(f"{name}{default}")
    else:
        module.function.parameters.insert(0, name)
    module.function.arguments.append((name, repr(value)))
    return name


def _starred_argument(module: Module, value: Literal, hint: str) -> str:
    assert module.function
    name, settings = module.fresh(hint), module.fresh("more")
    module.function.parameters.append(f"{name}=None")
    module.project.module("main").define(f'{settings} = {{"{name}": {value!r}}}')
    module.function.arguments.append(("**", settings))
    return name


_ROUTES: dict[str, Callable[[Module, Literal, str], str]] = {
    name: globals()[f"_{name.replace('-', '_')}"] for name in ROUTES
}
