"""What the spelling of a name outside the project tells: a class, a function, or neither."""

from __future__ import annotations

import builtins

_DEFINING = frozenset(
    {
        "tf.nn",
        *(f"keras.{part}" for part in ("activations", "applications", "callbacks", "constraints")),
        *(f"keras.{part}" for part in ("initializers", "layers", "losses", "metrics", "models", "ops")),
        *(f"keras.{part}" for part in ("optimizers", "regularizers")),
    }
)
"""Modules that hold classes and functions, and no values."""


def is_class_name(name: str) -> bool:
    """Whether a name is, by its spelling, that of a class: ``keras.losses.Poisson``."""
    last = name.rpartition(".")[2]
    return last[:1].isupper() and not last.isupper()


def is_definition(name: str) -> bool:
    """Whether a name is that of a class or a function: true, callable, and no text or number."""
    module, _, last = name.rpartition(".")
    if module == "builtins":
        return callable(getattr(builtins, last, None))
    return module in _DEFINING or (is_class_name(name) and name.startswith("keras."))
