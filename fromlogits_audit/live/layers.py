"""A living layer as the entry of a model config that the shared reader of configs understands.

The config is the layer's own, but what decides the scale is taken from the object itself: a class of the
project's own that overrides ``call`` is opaque, whatever it calls itself, and an activation is the
function that the layer holds, not the name of one.
"""

from __future__ import annotations

import inspect
from typing import Any

from fromlogits_audit.live.names import function_name, is_theirs, keras_base, label_of

CALLS = ("call", "__call__")
_ACTIVATIONS = ("activation", "recurrent_activation")
_INNER = (("layer", ("forward_layer", "layer")), ("cell", ("cell",)))
"""Config keys of layers around a layer, and the attributes that hold it."""
MAX_DEPTH = 20


def entry_of(layer: Any, depth: int = 0) -> dict[str, Any]:
    """The entry of a layer or an operation: ``class_name``, ``module`` and ``config``."""
    base = keras_base(layer, CALLS)
    name = str(getattr(layer, "name", type(layer).__name__))
    config = _config(layer) if base is not None and depth < MAX_DEPTH else None
    if base is None or config is None:
        cls = type(layer)
        # The dot keeps a class of the project from ever being read as one of Keras.
        return {"class_name": cls.__name__, "module": f"project.{cls.__module__}", "config": {"name": name}}
    config["name"] = name
    _take_activations(config, layer, depth)
    _take_layers(config, layer, depth)
    dtype = getattr(layer, "compute_dtype", None)
    if isinstance(dtype, str):
        config["dtype"] = dtype
    return {"class_name": base.__name__, "module": base.__module__, "config": config, "name": name}


def _config(layer: Any) -> dict[str, Any] | None:
    """The layer's config, None where it can't give one: that is then code of the project's own."""
    try:
        config = layer.get_config()
    except Exception:
        # Whatever a get_config of the project raises, the layer stays unknown and the audit goes on.
        return None
    return dict(config) if isinstance(config, dict) else None


def _take_activations(config: dict[str, Any], layer: Any, depth: int) -> None:
    base = keras_base(layer, CALLS)
    # A TFOpLambda has a function too, and says which by its own name for it.
    is_lambda = base is not None and base.__name__ == "Lambda"
    for key in (*_ACTIVATIONS, "function") if is_lambda else _ACTIVATIONS:
        living = getattr(layer, key, None)
        if key in config and callable(living):
            config[key] = activation_entry(living, depth)


def activation_entry(function: Any, depth: int = 0) -> Any:
    """A living activation as a config writes it: a function with its module, or a layer."""
    if inspect.isfunction(function) or not hasattr(function, "get_config"):
        name = function_name(function)
        if name is None:
            return {"class_name": "function", "module": "project", "config": label_of(function)}
        module, _, short = name.removesuffix("_v2").rpartition(".")
        return {"class_name": "function", "module": module, "config": short}
    return entry_of(function, depth + 1)


def _take_layers(config: dict[str, Any], layer: Any, depth: int) -> None:
    for key, attributes in _INNER:
        found = (getattr(layer, name, None) for name in attributes)
        inner = next((one for one in found if one is not None), None)
        if key in config and inner is not None and is_theirs(type(layer)):
            config[key] = entry_of(inner, depth + 1)
