"""Elementwise arithmetic of a traced graph: clips by constants, weights, gates such as ``x * sigmoid(x)``."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.ir import Scale, Why
from fromlogits_audit.saved.graphdef import Node
from fromlogits_audit.saved.merging import combine
from fromlogits_audit.saved.tracing import Frame, Traced, Tracer, undecided
from fromlogits_audit.saved.values import Tensor, data, scores, unknown

_INFINITE = float("inf")
_NORMALISED = (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)


def short(node: Node) -> str:
    """The end of a node's name, which tells it apart."""
    return node.name[-60:]


def input_of(tracer: Tracer, frame: Frame, node: Node, at: int = 0) -> Traced:
    """The value of an input of a node."""
    if at >= len(node.inputs):
        return Traced(unknown(Why.UNSUPPORTED, f"{node.op} without its inputs"))
    return tracer.trace(frame, node.inputs[at])


def bias(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """``BiasAdd``, also where it stands without a matrix product."""
    before = input_of(tracer, frame, node)
    if before.tensor.scale is Scale.LOGITS:
        return replace(before, tensor=replace(before.tensor, shape=node.shape(port) or before.tensor.shape))
    return Traced(scores(node.shape(port), f"BiasAdd {short(node)!r}: unbounded scores", node.dtype()))


def arithmetic(tracer: Tracer, frame: Frame, node: Node, port: int) -> Traced:
    """An elementwise operation with two sides."""
    a, b = input_of(tracer, frame, node, 0), input_of(tracer, frame, node, 1)
    if (a.weight or a.constant is not None) and (b.weight or b.constant is not None):
        return _both_fixed(node.op, a, b)
    if b.constant is not None:
        return _with_constant(node.op, a, b.constant, reverse=False)
    if a.constant is not None:
        return _with_constant(node.op, b, a.constant, reverse=True)
    if a.weight or b.weight:
        return _with_weight(node.op, b if a.weight else a)
    return _of_two(node.op, a, b)


def _both_fixed(op: str, a: Traced, b: Traced) -> Traced:
    if a.constant is None or b.constant is None:
        return Traced(data(what="a weight"), weight=True)
    low, _ = _interval(op, (a.constant, a.constant), b.constant, reverse=False)
    return Traced(data(what="a constant"), low, low, constant=low, numbers=(low,))


def _interval(op: str, bounds: tuple[float, float], constant: float, *, reverse: bool) -> tuple[float, float]:
    """What arithmetic with a constant makes of an interval."""
    low, high = bounds
    if op in ("Add", "AddV2"):
        return low + constant, high + constant
    if op == "Sub":
        return (constant - high, constant - low) if reverse else (low - constant, high - constant)
    if op == "Maximum":
        return max(low, constant), max(high, constant)
    if op == "Minimum":
        return min(low, constant), min(high, constant)
    if op == "RealDiv" and (reverse or constant == 0):
        return -_INFINITE, _INFINITE
    factor = 1.0 / constant if op == "RealDiv" else constant
    if factor == 0:
        return 0.0, 0.0
    ends = (low * factor, high * factor)
    return min(ends), max(ends)


def _with_constant(op: str, value: Traced, constant: float, *, reverse: bool) -> Traced:
    tensor = value.tensor
    neutral = constant == (1.0 if op in ("Mul", "RealDiv") else 0.0)
    if neutral and op not in ("Maximum", "Minimum") and not (reverse and op in ("Sub", "RealDiv")):
        return value
    low, high = _interval(op, (value.low, value.high), constant, reverse=reverse)
    after = replace(value, low=low, high=high, scaled=False)
    if value.addend is not None and _averages(op, value.summed, constant, reverse):
        return Traced(replace(value.addend, shape=tensor.shape))
    if tensor.scale is Scale.UNKNOWN:
        clipped = min(value.high, high) < _INFINITE and low > -_INFINITE
        return _by_range(after) if clipped and op in ("Maximum", "Minimum") else after
    if tensor.scale in _NORMALISED:
        return _tiny(op, value, constant) or undecided(after, Why.COMBINED, f"{op} of {tensor.activation}")
    if tensor.scale is Scale.LOGITS and (low, high) == (-_INFINITE, _INFINITE):
        return after
    return _by_range(after)


def _tiny(op: str, value: Traced, constant: float) -> Traced | None:
    """Clipping by almost nothing keeps a logarithm finite and no more."""
    clips = (op == "Maximum" and 0 < constant < 1e-3) or (op == "Minimum" and 1 - 1e-3 < constant <= 1)
    return value if clips or (op in ("Add", "AddV2", "Sub") and abs(constant) < 1e-3) else None


def _by_range(value: Traced) -> Traced:
    """The scale of what clips and constants have left, from its interval alone."""
    low, high, tensor = value.low, value.high, value.tensor
    if low >= 0.0 and high <= 1.0:
        name = tensor.activation if tensor.scale is Scale.INDEPENDENT else "hard_sigmoid"
        return replace(value, tensor=renamed(tensor, Scale.INDEPENDENT, name))
    if low > -_INFINITE and high < _INFINITE:
        name = tensor.activation if tensor.scale is Scale.BOUNDED else "hard_tanh"
        return replace(value, tensor=renamed(tensor, Scale.BOUNDED, name))
    if low >= -2.0 and high == _INFINITE:
        name = tensor.activation if tensor.scale is Scale.NON_NEGATIVE else "relu"
        return replace(value, tensor=renamed(tensor, Scale.NON_NEGATIVE, name))
    return replace(undecided(value, Why.COMBINED, "values that are bounded above only"), low=low, high=high)


def _averages(op: str, count: int, constant: float, reverse: bool) -> bool:
    factor = 1.0 / constant if op == "RealDiv" and constant and not reverse else constant
    return op in ("RealDiv", "Mul") and abs(factor * count - 1.0) < 1e-3


def renamed(tensor: Tensor, scale: Scale, activation: str | None) -> Tensor:
    """The same values under the scale that arithmetic has given them."""
    note = f"constants and clips give {scale.value}"
    return replace(tensor, scale=scale, activation=activation, reason=None, half=None).noted(note)


def _with_weight(op: str, value: Traced) -> Traced:
    """A weight multiplied or added, as batch normalisation does after it was taken apart."""
    tensor = value.tensor
    if tensor.scale is Scale.LOGITS and op not in ("Maximum", "Minimum"):
        return replace(value, low=-_INFINITE, high=_INFINITE)
    if op in ("Add", "AddV2", "Sub") and value.scaled:
        fresh = scores(tensor.shape, "scaled and shifted by weights: unbounded scores", tensor.dtype)
        return Traced(replace(fresh, rescaled=True))
    after = undecided(value, Why.COMBINED, f"{op} of {tensor.activation or 'a value'} and a weight")
    return replace(after, scaled=op in ("Mul", "RealDiv"))


def _of_two(op: str, a: Traced, b: Traced) -> Traced:
    if op == "Mul":
        return _product(a, b)
    kind = {"Add": "add", "AddV2": "add", "Sub": "subtract", "RealDiv": "divide"}.get(op, op.lower())
    if kind == "divide" and a.tensor.scale is Scale.LOGITS and b.tensor.scale is Scale.LOGITS:
        return undecided(a, Why.COMBINED, "a quotient of scores")
    if a.scaled and kind in ("add", "subtract"):
        # The shift of a normalisation by the values' own mean.
        fresh = scores(a.tensor.shape, "normalised: unbounded scores", a.tensor.dtype)
        return Traced(replace(fresh, rescaled=True))
    same = a.base if a.base is not None and a.base == b.base else None
    result = Traced(combine(kind, [a.tensor, b.tensor]), base=same)
    return _summed(result, a, b) if kind == "add" else result


def _summed(result: Traced, a: Traced, b: Traced) -> Traced:
    first, second = a.addend or a.tensor, b.addend or b.tensor
    if first.scale is Scale.UNKNOWN or (first.scale, first.activation) != (second.scale, second.activation):
        return result
    return replace(result, summed=a.summed + b.summed, addend=first)


def _product(a: Traced, b: Traced) -> Traced:
    """``x * sigmoid(x)`` and its like are activations; any other product of two values is not followed."""
    for value, gate in ((a, b), (b, a)):
        if gate.gate is not None and gate.gate == value.base:
            if gate.tensor.scale is Scale.INDEPENDENT:
                name = "silu" if gate.tensor.activation == "sigmoid" else "hard_silu"
            else:
                name = "mish" if "Softplus" in gate.made_by else "gelu"
            return Traced(renamed(value.tensor, Scale.NON_NEGATIVE, name))
    if a.base is not None and a.base == b.base:
        return replace(undecided(a, Why.COMBINED, "a power of a value"), base=a.base)
    return replace(undecided(a, Why.COMBINED, "a product of two values"), scaled=True)
