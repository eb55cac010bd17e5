"""Activations and their inverse that a program writes out: ``exp(z) / sum(exp(z))``, ``log(p / (1 - p))``.

Each operation notes on its result which step of such a formula it is; the last step knows the scale.
"""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.interp.keras.shapes import real
from fromlogits_audit.interp.keras_values import LABELS, Step, StepKind, TensorV
from fromlogits_audit.interp.values import Hop, Place, Value
from fromlogits_audit.ir import Scale

MAX_WALK = 64
_IN_UNIT_INTERVAL = (Scale.PROBABILITIES, Scale.INDEPENDENT)


def after_binary(symbol: str, a: Value, b: Value, made: Value, place: Place | None) -> Value:
    """The result of an operator, as the step of a formula that it is."""
    if not isinstance(made, TensorV):
        return made
    if isinstance(a, TensorV) and isinstance(b, TensorV):
        return _of_two(symbol, a, b, made, place)
    if symbol == "+":
        tensor, number = (a, b) if isinstance(a, TensorV) else (b, a)
        positive = isinstance(tensor, TensorV) and (_is_exponential(tensor) or _is_sum_of_some(tensor))
        return noted(made, StepKind.ONE_MORE, tensor) if positive and _is_one(number) else made
    if _is_one(a) and isinstance(b, TensorV):
        return _from_one(symbol, b, made, place)
    if symbol == "/" and isinstance(a, TensorV) and a.final is not None and not _is_below_one(b):
        return noted(made, StepKind.SCALED, a)
    return made


def _from_one(symbol: str, tensor: TensorV, made: TensorV, place: Place | None) -> TensorV:
    """``1 - p`` and ``1 / (1 + exp(-z))``."""
    if symbol == "-" and tensor.scale in _IN_UNIT_INTERVAL:
        if tensor.scale is Scale.INDEPENDENT:
            # What is left of one is a probability too; of several classes that sum to one it is no longer.
            made = replace(made, scale=tensor.scale, activation=tensor.activation, reason=None)
        return noted(made, StepKind.COMPLEMENT, tensor)
    if symbol == "/" and of_step(tensor, StepKind.ONE_MORE) is not None:
        return _activated(made, "sigmoid", Scale.INDEPENDENT, place)
    return made


def _of_two(symbol: str, a: TensorV, b: TensorV, made: TensorV, place: Place | None) -> TensorV:
    if symbol == "/":
        if of_step(b, StepKind.COMPLEMENT) is a:
            return noted(made, StepKind.ODDS, a)
        if _is_sum_of(b, a):
            return _activated(made, "softmax", Scale.PROBABILITIES, place)
        if of_step(b, StepKind.ONE_MORE) is a:
            return _activated(made, "sigmoid", Scale.INDEPENDENT, place)
    if symbol == "*" and LABELS in (a.reason, b.reason):
        return noted(made, StepKind.HITS, b if a.reason == LABELS else a)
    if symbol == "-" and _logarithms_of_odds(a, b):
        return _scores(made, place)
    if symbol == "-" and of_step(b, StepKind.LOG_SUM) is a and a.scale is Scale.LOGITS:
        return _activated(made, "log_softmax", Scale.LOG_PROBABILITIES, place)
    return made


def _is_sum_of(total: TensorV, part: TensorV) -> bool:
    """Whether ``total`` is the sum of ``part``, or of the same exponentials computed once more."""
    summed = of_step(total, StepKind.SUM)
    if summed is part:
        return True
    twice = isinstance(summed, TensorV) and _is_exponential(summed) and _is_exponential(part)
    return twice and isinstance(summed, TensorV) and summed.parents[0] is part.parents[0]


def _is_sum_of_some(total: TensorV) -> bool:
    """``sum(exp(z))``: over itself and one more it is a sigmoid, that of ``logsumexp(z)``."""
    summed = of_step(total, StepKind.SUM)
    return isinstance(summed, TensorV) and _is_exponential(summed)


def _logarithms_of_odds(a: TensorV, b: TensorV) -> bool:
    """``log(p) - log(1 - p)``."""
    first, second = of_step(a, StepKind.LOGARITHM), of_step(b, StepKind.LOGARITHM)
    return isinstance(second, TensorV) and of_step(second, StepKind.COMPLEMENT) is first is not None


def after_logarithm(tensor: TensorV, made: TensorV, place: Place | None) -> TensorV:
    if of_step(tensor, StepKind.ODDS) is not None:
        return _scores(made, place)
    return noted(made, StepKind.LOGARITHM, tensor)


def after_sum(tensor: TensorV, made: TensorV) -> TensorV:
    """A sum over the last axis, which is kept."""
    normalised = tensor.scale is Scale.PROBABILITIES
    return noted(made, StepKind.SUM, tensor) if normalised or _is_exponential(tensor) else made


def after_logsumexp(tensor: TensorV, made: TensorV) -> TensorV:
    """``log(sum(exp(z)))`` over the last axis, which is kept."""
    return noted(made, StepKind.LOG_SUM, tensor)


def after_clip(tensor: TensorV, made: TensorV, bounds: list[float]) -> TensorV:
    return noted(made, StepKind.CLIPPED, tensor) if sorted(bounds) == [0, 1] else made


def unscaled(tensor: TensorV) -> TensorV:
    """What a model returned, before it was divided by a temperature."""
    return _undone(tensor, StepKind.SCALED)


def before_rounding(tensor: TensorV) -> TensorV:
    """What is rounded up where ``tensor`` is, before it was clipped or multiplied by labels."""
    return _undone(_undone(tensor, StepKind.CLIPPED), StepKind.HITS)


def _undone(tensor: TensorV, kind: StepKind) -> TensorV:
    """What a tensor was before a step, itself where it is not what that step left."""
    before = of_step(tensor, kind)
    return before if isinstance(before, TensorV) else tensor


def carried(tensor: TensorV, after: TensorV) -> TensorV:
    """What was changed by next to nothing is the step that it was."""
    step = tensor.step
    if step is None or step.parents is not tensor.parents:
        return after
    return replace(after, step=replace(step, parents=after.parents))


def are_complements(tensors: list[TensorV]) -> bool:
    """``[1 - p, p]``: together they are one."""
    if len(tensors) != 2:
        return False
    a, b = tensors
    return of_step(a, StepKind.COMPLEMENT) is b or of_step(b, StepKind.COMPLEMENT) is a


def holds_complement(tensor: TensorV) -> bool:
    """Whether ``1 - p`` is in what a tensor is computed from: beside p it may sum to one."""
    waiting, seen = [tensor], 0
    while waiting and seen < MAX_WALK:
        one = waiting.pop()
        seen += 1
        if one.step is not None and one.step.kind is StepKind.COMPLEMENT:
            return True
        if one.scale is Scale.INDEPENDENT:
            waiting.extend(parent for parent in one.parents if isinstance(parent, TensorV))
    return bool(waiting)


def is_part(tensor: TensorV) -> bool:
    """Whether a tensor is what an index took of another."""
    return of_step(tensor, StepKind.PART) is not None


def _is_one(value: Value) -> bool:
    return real(value) == 1


def _is_below_one(value: Value) -> bool:
    known = real(value)
    return known is not None and known <= 1


def _is_exponential(tensor: TensorV) -> bool:
    """``exp(z)`` of scores that went through no activation yet."""
    inner = tensor.parents[0] if tensor.parents else None
    return tensor.activation == "exponential" and isinstance(inner, TensorV) and inner.scale is Scale.LOGITS


def of_step(tensor: TensorV, kind: StepKind) -> Value | None:
    step = tensor.step
    found = step is not None and step.kind is kind and step.parents is tensor.parents
    return step.of if step is not None and found else None


def noted(made: TensorV, kind: StepKind, of: Value) -> TensorV:
    return replace(made, step=Step(kind, of, made.parents))


def _activated(made: TensorV, name: str, scale: Scale, place: Place | None) -> TensorV:
    hops = (Hop(place, f"{name}, written out"),) if place is not None else ()
    return replace(made, scale=scale, activation=name, reason=None, share=None, trace=made.trace + hops)


def _scores(made: TensorV, place: Place | None) -> TensorV:
    hops = (Hop(place, "the logarithm of the odds: unbounded scores"),) if place is not None else ()
    return replace(
        made, scale=Scale.LOGITS, activation="linear", reason=None, share=None, trace=made.trace + hops
    )
