"""Where living tensors come from: which layer or activation made each, on what.

Tensors are told apart by identity, so it works the same for values, for the symbolic tensors of a TensorFlow
graph and for JAX's tracers. Only a thin record is kept per tensor, and no longer than the tensor itself;
what the record means for the scale is worked out when a loss asks.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.live.layers import entry_of
from fromlogits_audit.live.structure import flat, outputs_of, shape_of
from fromlogits_audit.saved.activations import Recorder, apply_spec
from fromlogits_audit.saved.graph import Walker
from fromlogits_audit.saved.values import Dims, Tensor, data, opaque, tensors_of, unknown

MAX_DEPTH = 200
"""Records that lead back from one tensor; a loop over time steps would be endless."""


@dataclass(eq=False)
class Made:
    """One tensor: ``by`` is the layer that returned it first, ``activation`` the function that computed it.

    ``model`` is the outermost model that returned it, as ``name`` (None: it has one output). ``of`` are the
    records of its arguments, where there are any.
    """

    shape: Dims
    dtype: str
    by: Callable[[], Any] | None = None
    activation: str | None = None
    axis: Any = -1
    of: tuple[Made | None, ...] = ()
    at: int = 0
    depth: int = 0
    model: weakref.ref[Any] | None = None
    name: str | None = None
    tensor: Tensor | None = None

    @property
    def layer(self) -> Any:
        return self.by() if self.by is not None else None


class Lineage:
    """The records of the tensors that are alive."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[weakref.ref[Any], Made]] = {}
        self._lock = threading.Lock()

    def of(self, tensor: Any) -> Made | None:
        """The record of a tensor, None where nobody saw it made."""
        found = self._made.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def clear(self) -> None:
        with self._lock:
            self._made.clear()

    def activation(self, name: str, argument: Any, result: Any, axis: Any = -1) -> None:
        """An activation function of the framework has computed ``result``."""
        if result is argument:
            return
        before = self.of(argument)
        known = before or Made(shape_of(argument), _dtype(argument))
        self._note(
            result, Made(shape_of(result), _dtype(result), None, name, axis, (known,), 0, _next([before]))
        )

    def layer(self, layer: Any, arguments: Any, result: Any) -> None:
        """A layer has returned ``result``, a structure of tensors."""
        before: tuple[Made | None, ...] | None = None
        for at, tensor in enumerate(flat(result)):
            known = self.of(tensor)
            if known is None:
                if before is None:
                    before = tuple(self.of(one) for one in flat(arguments) if hasattr(one, "shape"))
                by = _held(layer, tensor)
                self._note(
                    tensor,
                    Made(shape_of(tensor), _dtype(tensor), by, of=before, at=at, depth=_next(before)),
                )
            elif known.by is None:
                known.by = _held(layer, tensor)

    def known(self, result: Any, tensors: list[Tensor | None]) -> None:
        """The symbols in ``result`` stand for what was traced as ``tensors``."""
        for symbol, tensor in zip(flat(result), tensors, strict=False):
            if tensor is not None and self.of(symbol) is None:
                self._note(symbol, Made(shape_of(symbol), _dtype(symbol), tensor=tensor))

    def model(self, model: Any, result: Any) -> None:
        """A model has returned ``result``."""
        for name, tensor in named(model, result):
            known = self.of(tensor)
            if known is not None:
                known.model, known.name = weakref.ref(model), name

    def _note(self, tensor: Any, made: Made) -> None:
        key = id(tensor)
        try:
            alive = weakref.ref(tensor, lambda gone: self._forget(key, gone))
        except TypeError:  # numbers and the like
            return
        if made.depth > MAX_DEPTH:
            made.of, made.depth = (), 0
        self._made[key] = (alive, made)

    def _forget(self, key: int, gone: weakref.ref[Any]) -> None:
        found = self._made.get(key)
        if found is not None and found[0] is gone:
            self._made.pop(key, None)


def _held(layer: Any, tensor: Any) -> Callable[[], Any]:
    """The layer that made a tensor. Values keep it: a model may be gone before its output meets a loss.

    Symbols belong to a graph that their layers hold, so both would live for ever.
    """
    kind = type(tensor)
    holds_values = (
        kind.__name__ in ("EagerTensor", "ArrayImpl") or kind.__module__.partition(".")[0] == "torch"
    )
    return (lambda: layer) if holds_values else weakref.ref(layer)


def _next(before: Any) -> int:
    return 1 + max((one.depth for one in before if one is not None), default=0)


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor, "dtype", "float32")
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def named(model: Any, result: Any) -> Iterator[tuple[str | None, Any]]:
    """The tensors that a model returned, by the names that reports give its outputs."""
    if isinstance(result, dict):
        for key in sorted(result, key=str):
            yield from ((str(key), one) for one in flat(result[key]))
        return
    leaves = flat(result)
    names = list(getattr(model, "output_names", None) or ())
    for at, one in enumerate(leaves):
        given = str(names[at]) if len(names) == len(leaves) else str(at)
        yield (given if len(leaves) > 1 else None), one


# -- what a record means -------------------------------------------------------------------------
def tensor_of(made: Made) -> Tensor:
    """The abstract tensor behind a record, worked out once."""
    stack = [made]
    while stack:
        one = stack[-1]
        missing = [need for need in one.of if need is not None and need.tensor is None]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if one.tensor is None:
            one.tensor = _shaped(_tensor(one), one)
    return made.tensor if made.tensor is not None else data()


def _shaped(tensor: Tensor, made: Made) -> Tensor:
    """With the shape that the living tensor has; how many rows a batch has means nothing."""
    shape = made.shape
    return replace(tensor, shape=(None, *shape[1:]) if shape else shape)


def _tensor(made: Made) -> Tensor:
    inputs = [one.tensor if one is not None and one.tensor is not None else data() for one in made.of]
    if made.activation is not None:
        return _activated(made, inputs[0] if inputs else data())
    layer = made.layer
    if layer is None:
        return data(made.shape, dtype=made.dtype) if made.by is None else _gone(made)
    if hasattr(layer, "train_step") and hasattr(layer, "layers"):
        return _of_model(layer, made)
    value = Walker().layer(entry_of(layer), tuple(inputs[:1]) if len(inputs) == 1 else [inputs])
    found = tensors_of(value)
    return (
        found[made.at] if made.at < len(found) else unknown(Why.OPAQUE_LAYER, f"result {made.at} of a layer")
    )


def _gone(made: Made) -> Tensor:
    return unknown(Why.OPAQUE_LAYER, "a layer that is no longer there", made.shape)


def _activated(made: Made, before: Tensor) -> Tensor:
    spec = activation_string(made.activation or "")
    if spec is None:
        return opaque(before, unknown(Why.OPAQUE_LAYER, f"activation {made.activation}").reason)  # type: ignore[arg-type]
    layer = made.layer
    where = f"{type(layer).__name__} {layer.name!r}" if layer is not None else f"{spec.name}()"
    axis = made.axis if made.axis is not None else -1
    return apply_spec(Recorder(), before, spec, where, axis, made.dtype)


def _of_model(model: Any, made: Made) -> Tensor:
    """What a model returned that none of its layers did: by its structure."""
    outputs = outputs_of(model)
    if made.at >= len(outputs):
        return unknown(Why.OPAQUE_LAYER, f"result {made.at} of {type(model).__name__}")
    output = outputs[made.at].output
    return Tensor(
        output.scale,
        output.activation,
        made.shape,
        output.reason,
        output.unit_softmax is not None,
        made.dtype,
        output.half_precision,
        tuple(step.note for step in output.trace),
    )
