"""What a living object is, by the catalogue's names: its class or function, where it is Keras's own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.live.patches import original

_ROOTS = ("keras", "tf_keras", "keras_core", "tensorflow")


def is_theirs(thing: Any) -> bool:
    """Whether a class or function is defined in Keras or TensorFlow."""
    module = getattr(thing, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] in _ROOTS


def class_name(cls: type) -> str:
    """The canonical name of a class: ``keras.layers.Dense``."""
    return canonical(f"{cls.__module__}.{cls.__qualname__}")


def keras_base(value: Any, methods: tuple[str, ...], *, instance: bool = True) -> type | None:
    """The class of Keras that ``value`` behaves like, None where a class of the project's own, or (with
    ``instance``) the object itself, overrides one of ``methods``."""
    own = getattr(value, "__dict__", {})
    if instance and any(name in own for name in methods):
        return None
    for cls in type(value).__mro__:
        if is_theirs(cls):
            return cls
        if any(name in vars(cls) for name in methods):
            return None
    return None


def function_name(function: Any) -> str | None:
    """The canonical name of a function of Keras or TensorFlow, None for any other.

    A function that only calls itself so (``functools.wraps``) is another, but for those that stand in place
    of Keras's own while a program is watched. Those of ``jax.nn`` count too.
    """
    function = original(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if module.startswith("jax."):
        known = original(getattr(sys.modules.get("jax.nn"), name, None))
        return f"jax.nn.{name}" if known is function else None
    if not is_theirs(function):
        return None
    known = getattr(sys.modules.get(module), name, None)
    return canonical(f"{module}.{name}") if any(one is function for one in _unwrapped(known)) else None


def _unwrapped(function: Any) -> Iterator[Any]:
    """A function and what its decorators say they wrap."""
    for _ in range(16):
        if function is None:
            return
        yield function
        function = getattr(function, "__wrapped__", None)


def label_of(value: Any) -> str:
    """A short name for messages: ``my_loss``, ``MyLoss``, ``<lambda>``."""
    if isinstance(value, functools.partial):
        return label_of(value.func)
    name = getattr(value, "__name__", None) or type(value).__name__
    return str(name)[:100]
