"""A model called once more than its program does: what it holds is afterwards what it was before."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from fromlogits_audit.live.runtime import library_of
from fromlogits_audit.live.structure import flat

LARGE = 30.0
"""Inputs are fed once more this many times as large, so that scores of an untrained model leave [-1, 1]."""
State = tuple[Any, ...]
"""Trained and other weights of a Keras model on JAX, whose variables are empty while ``fit`` runs."""


def predicted(model: Any, x: Any, state: State = ()) -> Any:
    """What a model returns for ``x`` in inference mode."""
    with _without_gradients():
        if library_of(model) == "keras" and getattr(model, "built", False):
            return _stateless(model, tensors(model, x), state)
        with _kept(model):
            return model(tensors(model, x), **_inference(model))


def _stateless(model: Any, x: Any, state: State) -> Any:
    """Keras 3 can call a model on values in place of its variables, and changes none of them."""
    trained = state[0] if state else [one.value for one in model.trainable_variables]
    others = state[1] if state else [one.value for one in model.non_trainable_variables]
    return model.stateless_call(trained, others, x, **_inference(model))[0]


def _inference(model: Any) -> dict[str, bool]:
    """The argument for inference mode, where the model's ``call`` has one."""
    takes = getattr(model, "_call_has_training_arg", getattr(model, "_expects_training_arg", True))
    return {"training": False} if takes else {}


@contextlib.contextmanager
def _kept(model: Any) -> Iterator[None]:
    """Put back the weights that calling a model in inference mode may change: averages, seeds, counters."""
    saved = [
        (one, one.read_value() if hasattr(one, "read_value") else one.value)
        for one in getattr(model, "non_trainable_variables", ())
    ]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)


def _without_gradients() -> contextlib.AbstractContextManager[Any]:
    torch = sys.modules.get("torch")
    return torch.no_grad() if torch is not None else contextlib.nullcontext()


def tensors(model: Any, x: Any) -> Any:
    """Inputs as ``predict`` gives them to a model: tensors of its backend in place of arrays."""
    import numpy

    if library_of(model) == "tf_keras":
        import tensorflow

        convert, mapped = tensorflow.convert_to_tensor, tensorflow.nest.map_structure
    else:
        import keras

        convert, mapped = keras.ops.convert_to_tensor, keras.tree.map_structure
    return mapped(lambda one: convert(one) if isinstance(one, numpy.ndarray) else one, x)


def magnitudes(x: Any) -> Iterator[Any]:
    """A batch of inputs, and where all of them are fractions, the same batch many times as large."""
    yield x
    leaves = flat(x)
    if leaves and all("float" in str(getattr(one, "dtype", "")) for one in leaves):
        yield _scaled(x)


def _scaled(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: _scaled(one) for key, one in x.items()}
    if isinstance(x, (list, tuple)):
        return [_scaled(one) for one in x]
    return x * LARGE
