"""A tensor of a TensorFlow graph under construction, led back to the operation that gave it its scale.

Where a program works on what a layer returned (a reshape, a slice, a cast) before it calls a loss, the
tensor has no record of its own; the graph shows what it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.ir import Scale
from fromlogits_audit.live.structure import shape_of
from fromlogits_audit.saved.activations import Recorder, apply_spec
from fromlogits_audit.saved.values import Tensor, combined, scores

MAX_STEPS = 64
_PASSING = (
    "Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Cast", "EnsureShape", "Snapshot",
)  # fmt: skip
_RESHAPING = ("Reshape", "Squeeze", "ExpandDims")
_WEIGHING = (
    "BiasAdd", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Conv1D", "Conv2D", "Conv3D",
    "Conv2DBackpropInput", "Conv3DBackpropInputV2", "DepthwiseConv2dNative", "Einsum",
)  # fmt: skip
_ACTIVATIONS = {
    "Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu",
    "Relu6": "relu6", "Softplus": "softplus", "Softsign": "softsign", "Elu": "elu", "Selu": "selu",
    "LeakyRelu": "leaky_relu", "Exp": "exponential",
}  # fmt: skip
"""Operations that are one activation, by its Keras string."""
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")

Known = Callable[[Any], Tensor | None]
"""What is known of a tensor without its graph."""


def led_back(tensor: Any, known: Known) -> Tensor | None:
    """What a symbolic tensor is, None where its graph does not show it.

    Reshapes keep every scale that does not depend on the last axis; the others only where its size stays.
    """
    return _led_back(tensor, known, MAX_STEPS)


def _led_back(tensor: Any, known: Known, left: int) -> Tensor | None:
    units, reshaped = _units(tensor), False
    while left > 0:
        left -= 1
        found = known(tensor) or _final(tensor, known, left)
        if found is not None:
            return _after(found, reshaped, units)
        op: Any = getattr(tensor, "op", None)
        kind = getattr(op, "type", None)
        if kind not in (*_PASSING, *_RESHAPING, *_CALLS):
            return None
        following = _inside(op, tensor) if kind in _CALLS else op.inputs[0]
        if following is None:
            return None
        reshaped = reshaped or kind in _RESHAPING
        tensor = following
    return None


def _final(tensor: Any, known: Known, left: int) -> Tensor | None:
    """The tensor of an operation that decides the scale itself."""
    op: Any = getattr(tensor, "op", None)
    kind = getattr(op, "type", None)
    if kind in _ACTIVATIONS:
        spec = activation_string(_ACTIVATIONS[str(kind)])
        before = _led_back(op.inputs[0], known, left) or Tensor(shape=shape_of(op.inputs[0]))
        return apply_spec(Recorder(), before, spec, f"tf.nn.{spec.name}") if spec is not None else None
    if kind in _WEIGHING or (kind == "AddV2" and _adds_a_bias(op)):
        return scores(shape_of(tensor), f"{kind}: unbounded scores")
    return None


def _adds_a_bias(op: Any) -> bool:
    kinds = {getattr(one.op, "type", None) for one in op.inputs}
    return bool(kinds & set(_WEIGHING)) and "ReadVariableOp" in kinds


def _inside(op: Any, tensor: Any) -> Any:
    """What a called graph function returns as this tensor."""
    function = op.graph._get_function(op.get_attr("f").name)
    outputs = getattr(getattr(function, "graph", None), "outputs", ())
    at = tensor.value_index
    return outputs[at] if at < len(outputs) else None


def _units(tensor: Any) -> int | None:
    shape = shape_of(tensor)
    return shape[-1] if shape else None


def _after(found: Tensor, reshaped: bool, units: int | None) -> Tensor:
    whole = found.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)
    if reshaped and whole and (units is None or units != found.units):
        return combined(found, "a reshape takes the class axis apart")
    return replace(found, shape=(None, units)) if reshaped else found
