"""What TensorFlow's operations do to a traced value: the tables, and the cases that need a word.

Measured on the graphs of Keras 3 exports and of tf_keras SavedModels: softmax is ``Softmax``, a dense
layer ``BiasAdd`` or ``MatMul``, hard_sigmoid a chain of clips and constants, swish a product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fromlogits_audit.catalogue.activations import activation_string
from fromlogits_audit.ir import Scale, Why
from fromlogits_audit.saved.activations import apply_spec
from fromlogits_audit.saved.graph_arithmetic import arithmetic, bias, input_of, renamed, short
from fromlogits_audit.saved.graph_tables import (
    ACTIVATIONS,
    DATA,
    KEEP,
    LINEAR,
    LOGITS_ONLY,
    RANGES,
    RESHAPE,
    VARIABLES,
)
from fromlogits_audit.saved.graphdef import Node
from fromlogits_audit.saved.layers import put_together
from fromlogits_audit.saved.merging import combine
from fromlogits_audit.saved.tracing import Frame, Traced, Tracer, undecided
from fromlogits_audit.saved.values import Dims, Tensor, combined, data, scores, unknown

_INFINITE = float("inf")
_NORMALISED = (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)

Handler = Callable[[Tracer, Frame, Node, int], Traced]


def apply(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """The value of one output of a node."""
    op = node.op
    if op in _HANDLERS:
        return _HANDLERS[op](tracer, frame, node, port)
    if op in ACTIVATIONS:
        return _activation(tracer, frame, node, port)
    if op in LINEAR:
        return Traced(scores(node.shape(port), f"{op} {short(node)!r}: unbounded scores", node.dtype()))
    if op in VARIABLES:
        return Traced(data(node.shape(port), "a weight"), weight=True)
    if op in DATA:
        return Traced(data(node.shape(port), f"the output of {op}"))
    if not node.inputs:
        return Traced(data(node.shape(port), f"the output of {op}"))
    if op in KEEP or op in RESHAPE or op in LOGITS_ONLY:
        return _moved(tracer, frame, node, port)
    return Traced(unknown(Why.UNSUPPORTED, f"{op} is not followed", node.shape(port)))


def _activation(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    name = ACTIVATIONS[node.op]
    spec = activation_string(name)
    assert spec is not None
    tensor = before.tensor
    shape = node.shape(port) or tensor.shape
    label = f"{node.op} {short(node)!r}"
    after = apply_spec(tracer.recorder, replace(tensor, shape=shape), spec, label, -1, node.dtype())
    low, high = RANGES.get(node.op, (-_INFINITE, _INFINITE))
    gate = before.gate if before.gate is not None else before.base
    return Traced(after, low, high, gate=gate, made_by=before.made_by + node.op)


def _moved(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """Operations that keep all scales, or those of logits, and move values about."""
    at = port if node.op == "IdentityN" else 0
    if node.op in ("Select", "SelectV2"):
        return _selected(tracer, frame, node)
    if node.op == "Split":
        at = 1
    before = input_of(tracer, frame, node, at)
    if before.weight:
        return Traced(before.tensor, weight=True)
    if node.op in KEEP:
        # The same values: what they are a function of stays, whatever their shape.
        plain = node.op not in ("Squeeze", "ExpandDims", "AvgPool", "AvgPool3D")
        shape = node.shape(port) or (before.tensor.shape if plain else None)
        return replace(before, tensor=replace(before.tensor, shape=shape))
    shape = node.shape(port) or _target(tracer, frame, node)
    after = replace(before, tensor=replace(before.tensor, shape=shape, unit_softmax=False), constant=None)
    if node.op in RESHAPE:
        return _reshaped(tracer, frame, node, before, after)
    repeated = node.op == "Tile" and input_of(tracer, frame, node, 1).numbers[-1:] == (1.0,)
    if repeated or before.tensor.scale in (Scale.LOGITS, Scale.UNKNOWN):
        return replace(after, base=None)
    return undecided(after, Why.COMBINED, f"{node.op} of {before.tensor.activation}")


def _target(tracer: Tracer, frame: Frame, node: Node) -> Dims:
    """The shape that a Reshape names, where it is constant (or packed from constants)."""
    if node.op != "Reshape" or len(node.inputs) < 2:
        return None
    sizes = input_of(tracer, frame, node, 1).numbers
    return tuple(int(size) if size >= 0 else None for size in sizes) or None


def _reshaped(tracer: Tracer, frame: Frame, node: Node, before: Traced, after: Traced) -> Traced:
    tensor = before.tensor
    if tensor.origin is not None:
        return (
            replace(after, tensor=put_together(tensor.origin, after.tensor))
            if node.op == "Reshape"
            else after
        )
    if tensor.scale not in _NORMALISED:
        return after
    if node.op == "Reshape":
        kept = tensor.units is not None and tensor.units == after.tensor.units
    else:
        order = input_of(tracer, frame, node, 1).numbers if len(node.inputs) > 1 else ()
        kept = node.op == "Transpose" and bool(order) and order[-1] == len(order) - 1
    if kept:
        return after
    lost = undecided(after, Why.COMBINED, f"{node.op} after {tensor.activation}, which may move its axis")
    return replace(lost, tensor=replace(lost.tensor, origin=tensor)) if node.op == "Reshape" else lost


def _selected(tracer: Tracer, frame: Frame, node: Node) -> Traced:
    sides = [input_of(tracer, frame, node, at) for at in (1, 2)]
    if (
        sides[0].tensor.scale is sides[1].tensor.scale
        and sides[0].tensor.activation == sides[1].tensor.activation
    ):
        return replace(sides[0], base=None)
    return undecided(sides[0], Why.COMBINED, "a choice between two values")


def _constant(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    numbers = node.constant or ()
    single = numbers[0] if len(set(numbers)) == 1 else None
    bound = (single, single) if single is not None else (-_INFINITE, _INFINITE)
    # A large constant is a weight that was frozen into the graph.
    frozen = node.constant is None
    return Traced(data(what="a constant"), *bound, constant=single, numbers=numbers, weight=frozen)


def _pack(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """A list of numbers, as a Reshape takes its target."""
    parts = [input_of(tracer, frame, node, at) for at in range(min(len(node.inputs), 16))]
    numbers = tuple(-1.0 if part.constant is None else part.constant for part in parts)
    if all(part.tensor.scale is Scale.UNKNOWN for part in parts):
        return Traced(data(what="a shape"), numbers=numbers)
    alike = {(part.tensor.scale, part.tensor.activation) for part in parts}
    if len(alike) == 1 and node.integer("axis") in (0, 1):
        return replace(parts[0], tensor=replace(parts[0].tensor, shape=node.shape(port)), base=None)
    return undecided(parts[0], Why.COMBINED, "stacked values")


def _concat(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    parts = [input_of(tracer, frame, node, at) for at in range(min(len(node.inputs) - 1, 64))]
    axis = input_of(tracer, frame, node, len(node.inputs) - 1).constant
    tensors = [part.tensor for part in parts]
    joined = combine("concat", tensors, int(axis) if axis is not None else None) if tensors else Tensor()
    if joined.scale is Scale.INDEPENDENT and any(part.base is not None for part in parts):
        joined = combined(joined, "concatenation of p and, it may be, 1 - p")  # which would sum to one
    return Traced(replace(joined, shape=node.shape(port) or joined.shape))


def _mean(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    if before.weight:
        return before
    axes = input_of(tracer, frame, node, 1).numbers
    rank = len(before.tensor.shape) if before.tensor.shape is not None else None
    over_classes = not axes or -1.0 in axes or (rank is not None and rank - 1 in axes)
    after = replace(before, tensor=replace(before.tensor, shape=node.shape(port)), base=None)
    known_axes = bool(axes) and (rank is not None or before.tensor.scale is Scale.LOGITS)
    if before.tensor.scale is Scale.LOGITS or (known_axes and not over_classes):
        return after
    return undecided(after, Why.COMBINED, "a mean over axes that may be the classes")


def _power(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    if before.weight:
        return before
    return replace(undecided(before, Why.COMBINED, node.op), base=before.base)


def _error_function(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """``Erf`` and ``Erfc``, the gates of gelu."""
    before = input_of(tracer, frame, node)
    tensor = replace(before.tensor, scale=Scale.BOUNDED, activation="tanh", reason=None)
    low, high = (0.0, 2.0) if node.op == "Erfc" else (-1.0, 1.0)
    return Traced(tensor, low, high, gate=before.gate or before.base, made_by="Erf")


def _exponential(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    tensor = before.tensor
    if tensor.scale is Scale.LOG_PROBABILITIES:
        softmax = tensor.activation == "log_softmax"
        scale = Scale.PROBABILITIES if softmax else Scale.INDEPENDENT
        return Traced(replace(tensor, scale=scale, activation="softmax" if softmax else "sigmoid"), 0.0, 1.0)
    if tensor.scale is Scale.UNKNOWN:
        return Traced(tensor)
    return Traced(renamed(tensor, Scale.NON_NEGATIVE, "exponential"), 0.0)


def _logarithm(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    names = {Scale.PROBABILITIES: "log_softmax", Scale.INDEPENDENT: "log_sigmoid"}
    name = names.get(before.tensor.scale)
    if name is None:
        return undecided(before, Why.COMBINED, "a logarithm")
    return Traced(renamed(before.tensor, Scale.LOG_PROBABILITIES, name), high=0.0)


def _negated(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    before = input_of(tracer, frame, node)
    if before.weight:
        return before
    if before.tensor.activation == "softplus" and before.tensor.scale is Scale.NON_NEGATIVE:
        # -softplus(-x) is log_sigmoid(x).
        return Traced(renamed(before.tensor, Scale.LOG_PROBABILITIES, "log_sigmoid"), high=0.0)
    if before.tensor.scale is Scale.LOGITS:
        return replace(before, low=-_INFINITE, high=_INFINITE)
    return _moved(tracer, frame, node, port)


def _embedded(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """A lookup in a table of weights makes fresh scores; in anything else it takes a part."""
    if input_of(tracer, frame, node).weight:
        return Traced(scores(node.shape(port), f"{node.op} {short(node)!r}: rows of a table", node.dtype()))
    return _moved(tracer, frame, node, port)


_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"), arithmetic),
    **dict.fromkeys(("Square", "Pow", "Rsqrt", "Sqrt"), _power),
    **dict.fromkeys(("GatherV2", "Gather"), _embedded),
    "BiasAdd": bias,
    "Const": _constant,
    "Pack": _pack,
    "ConcatV2": _concat,
    "Mean": _mean,
    **dict.fromkeys(("Erf", "Erfc"), _error_function),
    "Exp": _exponential,
    "Log": _logarithm,
    "Neg": _negated,
}
