"""Which Keras a living object belongs to, and how that Keras keeps what ``compile`` was given."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from fromlogits_audit.ir import Runtime
from fromlogits_audit.live.names import is_theirs
from fromlogits_audit.saved.compiling import Stored


def library_of(value: Any) -> str | None:
    """``keras`` or ``tf_keras``: whose model, layer or loss this is; None for anything else."""
    for cls in type(value).__mro__:
        root = cls.__module__.partition(".")[0]
        if is_theirs(cls) and root in ("keras", "tf_keras"):
            return root
    return None


def runtime_of(model: Any) -> Runtime:
    """The runtime that a model runs on."""
    library = library_of(model)
    version = version_of(library)
    if library is None:
        return Runtime()
    if library == "tf_keras" or version.startswith("2."):
        return Runtime(2, "tensorflow")
    backend = getattr(getattr(sys.modules.get("keras"), "config", None), "backend", None)
    return Runtime(3, str(backend()) if callable(backend) else None)


def version_of(library: str | None) -> str:
    return str(getattr(sys.modules.get(library or ""), "__version__", ""))


def compiled_of(model: Any) -> Stored | None:
    """What ``compile`` was given for losses and metrics, living; None where it was not called."""
    kept = getattr(model, "_compile_metrics", None) or getattr(model, "compiled_metrics", None)
    loss = getattr(model, "loss", None)
    if loss is None and kept is None and not getattr(model, "compiled", False):
        return None
    return Stored(
        plain(loss),
        plain(getattr(kept, "_user_metrics", None)),
        plain(getattr(kept, "_user_weighted_metrics", None)),
    )


def plain(value: Any, depth: int = 0) -> Any:
    """Lists and dicts of Keras's own kinds, and tuples, as plain ones; leaves as they are."""
    if depth > 20:
        return value
    if isinstance(value, (list, tuple)):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, Mapping):
        return {key: plain(one, depth + 1) for key, one in value.items()}
    return value
