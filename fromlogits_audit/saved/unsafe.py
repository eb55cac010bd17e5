"""FLA801's facts: parts of a config that would run code where the model is loaded.

They are named and not run: nothing here decodes, imports or calls what it finds. Keras's ``safe_mode``
refuses most of them; older versions and ``safe_mode=False`` do not.
"""

from __future__ import annotations

from collections.abc import Iterator

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.saved.values import Json

MAX_PARTS = 20
"""Parts that are named; a file may hold thousands."""

_TRUSTED = ("keras", "keras_core", "keras_hub", "keras_nlp", "keras_cv", "tf_keras", "builtins", "tensorflow")
_RISKY = frozenset({"utils", "models", "saving", "config"})
"""Modules of Keras whose functions read files, download or switch the safe mode off."""

_LOADERS = {
    "TFSMLayer": "loads and runs a SavedModel from a path in the file",
    "TorchModuleWrapper": "holds a pickled PyTorch module",
    "JaxLayer": "holds a pickled function",
    "FlaxLayer": "holds a pickled function",
}


def unsafe_parts(config: Json) -> tuple[str, ...]:
    """Every such part of a config, in words, each once."""
    found: dict[str, None] = {}
    for part in _parts(config):
        found.setdefault(part)
        if len(found) == MAX_PARTS:
            break
    return tuple(found)


def _parts(config: Json) -> Iterator[str]:
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            yield from _part(one)
            # Its own code is told with its name, so it is not looked at a second time.
            told = one.get("class_name") in ("Lambda", "__lambda__")
            inner = [value for key, value in one.items() if not (told and key == "config")]
            waiting.extend(reversed(inner))


def _part(entry: Json) -> Iterator[str]:
    name, module = entry.get("class_name"), entry.get("module")
    label = _label(entry)
    if not isinstance(name, str):
        if name is None and _is_code(entry.get("value")):
            yield "a function stored as marshalled Python code"
    elif name == "Lambda":
        yield from _lambda(entry, label)
    elif name in _LOADERS:
        yield f"{label}: {_LOADERS[name]}"
    elif name == "__lambda__":
        yield "a lambda stored as marshalled Python code"
    elif isinstance(module, str) and _imports(module, name):
        yield f"{label}: loading it imports {module[:80]}"


def _lambda(entry: Json, label: str) -> Iterator[str]:
    config = entry.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    stored = function.get("config") if isinstance(function, dict) else function
    if isinstance(stored, str) and (config or {}).get("function_type") != "lambda":
        if activation_string(stored) is None:
            yield f"{label}: calls the function {stored[:80]!r}"
    else:
        yield f"{label}: holds marshalled Python code"


def _is_code(value: Json) -> bool:
    """``[code, defaults, closure]``. A link to a layer, ``[name, 0, 0]``, has numbers in their places."""
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], str):
        return False
    return all(part is None or isinstance(part, (list, dict)) for part in value[1:])


def _imports(module: str, class_name: str) -> bool:
    """Whether Keras would import a module of the file's choice, or fetch a function that must not be."""
    root, *rest = module.split(".")
    if root not in _TRUSTED:
        return True
    return class_name == "function" and root not in ("builtins", "tensorflow") and not _RISKY.isdisjoint(rest)


def _label(entry: Json) -> str:
    config = entry.get("config")
    name = config.get("name") if isinstance(config, dict) else config
    what = str(entry.get("class_name"))[:80]
    return f"{what} {name[:80]!r}" if isinstance(name, str) else what
