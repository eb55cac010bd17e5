"""Operators on tensors: what arithmetic and comparisons leave of the scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.interface import Effect
from fromlogits_audit.interp.keras import formulas
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras.affine import shifted
from fromlogits_audit.interp.keras.merging import COSINE, combine, summed, weighted
from fromlogits_audit.interp.keras.shapes import UNRANKED, Dims, broadcast, real
from fromlogits_audit.interp.keras_values import (
    COMPARISON,
    DECISIONS,
    DIRECTIONS,
    LABELS,
    SHARES,
    SPREAD,
    TensorV,
    data_tensor,
)
from fromlogits_audit.interp.values import Args, Hop, Place, Unknown, Value
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

SMALL = 1e-3
"""A constant added to keep a logarithm finite, not to change a scale."""


def tensors_of(args: Args) -> list[TensorV]:
    """The tensor arguments; unknown ones count as tensors of unknown scale."""
    return [v for v in args.all() if isinstance(v, TensorV)]


def columns(right: Value | None, *, transposed: bool = False) -> int | None:
    """How many columns a matrix product has by its second factor, None where that is not known."""
    shape = right.shape if isinstance(right, TensorV) else None
    if shape is None or len(shape) < 2:
        return None
    size = shape[-2 if transposed else -1]
    return None if size == UNRANKED else size


_WITH_LABELS = Undecided(Why.COMBINED, "a matrix product with labels")
"""It gathers or averages scores by class, and no weights of a layer are in it."""
_UNWEIGHTED = Undecided(Why.COMBINED, "a matrix product without weights")
"""Of data, or of bounded outputs: rows are picked, averaged or compared."""


def matrix_product(args: Args, place: Place | None, units: int | None = None) -> Value:
    """Unbounded scores where weights or such scores are in it."""
    tensors = tensors_of(args)
    left, right = args.get(0, "a"), args.get(1, "b")
    base = left.shape if isinstance(left, TensorV) else None
    shape: Dims = (*base[:-1], units) if base else (UNRANKED, units)
    if isinstance(right, TensorV) and right.shape is not None and len(right.shape) < 2:
        shape = None  # the product with a vector has an axis less
    if len(tensors) == 2 and all(factor.reason == DIRECTIONS for factor in tensors):
        hops = (Hop(place, "a product of rows of length one: cosines"),) if place is not None else ()
        return TensorV(Scale.BOUNDED, COSINE, shape, trace=(*tensors[0].trace, *hops))
    missing = _no_scores(args, tensors)
    if missing is not None:
        return TensorV(shape=shape, reason=missing)
    hops = (Hop(place, "a matrix product: unbounded scores"),) if place is not None else ()
    return TensorV(Scale.LOGITS, "linear", shape, trace=hops)


def _tempered(symbol: str, a: Value, b: Value) -> TensorV | None:
    """``cosine / temperature``: scores. None where nothing makes cosines larger than they are."""
    cosine, other = (b, a) if symbol == "*" and not _is_cosine(a) else (a, b)
    if symbol not in "*/" or not isinstance(cosine, TensorV) or not _is_cosine(cosine):
        return None
    if isinstance(other, TensorV) and other.scale is not Scale.UNKNOWN:
        return None
    factor = real(other)
    if factor is not None and (abs(factor) <= 1 if symbol == "*" else abs(factor) >= 1):
        return None
    return replace(
        cosine,
        scale=Scale.LOGITS,
        activation="linear",
        layer=None,
        parents=(cosine,),
        final=None,
        reason=None,
    )


def _is_cosine(value: Value) -> bool:
    return isinstance(value, TensorV) and value.scale is Scale.BOUNDED and value.activation == COSINE


def length_one(tensor: TensorV) -> TensorV:
    """Rows scaled to length one: of scores they still point anywhere."""
    if tensor.scale is Scale.UNKNOWN:
        return tensor
    shares = Undecided(Why.COMBINED, f"rows of {tensor.activation} scaled to length one")
    return opaque(tensor, DIRECTIONS if tensor.scale is Scale.LOGITS else shares)


_ONE_SIDED = Undecided(Why.DATA, "numbers on one side of zero")


def one_sided(value: Value) -> Value:
    """``exp(w)``, ``w ** 2``: weights no more where both signs are gone; a mean may be made with them."""
    if not isinstance(value, TensorV) or value.reason not in SPREAD:
        return value
    return replace(value, reason=_ONE_SIDED)


def _no_scores(args: Args, factors: list[TensorV]) -> Undecided | None:
    """Why a matrix product need not be unbounded, None where it is."""
    if any(factor.reason in SPREAD and factor.scale is Scale.UNKNOWN for factor in factors):
        return None
    if any(factor.reason in (LABELS, _WITH_LABELS) for factor in factors):
        return _WITH_LABELS
    if any(factor.scale is Scale.LOGITS for factor in factors):
        return None
    # What is not known could be weights, so its reason is the one to tell.
    reasons = (v.reason for v in args.all() if isinstance(v, (Unknown, TensorV)))
    return next((r for r in reasons if r is not None and r.why is not Why.DATA), _UNWEIGHTED)


def negate(tensor: TensorV) -> Value:
    """``-tensor``: only unbounded scores keep their scale."""
    if tensor.scale in (Scale.LOGITS, Scale.UNKNOWN):
        return counted(replace(tensor, layer=None, parents=(tensor,), final=None))
    return opaque(tensor, Undecided(Why.COMBINED, f"minus {tensor.activation}"))


def binary(symbol: str, a: Value, b: Value, place: Place | None) -> Value:
    """Arithmetic in which at least one side is a tensor."""
    made = _binary(symbol, a, b, place)
    if isinstance(made, TensorV):
        made = shifted(symbol, a, b, made)
    return formulas.after_binary(symbol, a, b, made, place)


def _binary(symbol: str, a: Value, b: Value, place: Place | None) -> Value:
    if symbol == "@":
        return matrix_product(Args((a, b)), place, columns(b))
    made = _if_decided(symbol, a, b, _elementwise(symbol, a, b))
    return one_sided(made) if symbol == "**" or a is b else made


def _if_decided(symbol: str, a: Value, b: Value, made: Value) -> Value:
    """What is computed from decisions is one itself only where it is 0 or 1: ``1 - c``, ``c * d``."""
    if not isinstance(made, TensorV) or made.reason not in DECISIONS:
        return made
    other = b if isinstance(a, TensorV) else a
    plain = real(other)
    complement = symbol == "-" and other is a and plain == 1
    both = all(isinstance(side, TensorV) and side.reason in DECISIONS for side in (a, b))
    same = plain is not None and _harmless(symbol, plain)
    if complement or same or (both and symbol == "*") or symbol in ("&", "|", "^", "**"):
        return made
    return counted(made)


def counted(tensor: TensorV) -> TensorV:
    """The sum of decisions, or what else is computed from them."""
    return replace(tensor, reason=_COUNTED) if tensor.reason in DECISIONS else tensor


_COUNTED = Undecided(Why.DATA, "numbers computed from decisions")


def _elementwise(symbol: str, a: Value, b: Value) -> Value:
    scores = _tempered(symbol, a, b)
    if scores is not None:
        return scores
    if isinstance(a, TensorV) and isinstance(b, TensorV):
        return _two(symbol, a, b)
    tensor = a if isinstance(a, TensorV) else b
    other = b if isinstance(a, TensorV) else a
    if not isinstance(tensor, TensorV):
        return _plain(a, b)
    after = replace(tensor, layer=None, parents=(tensor,))
    plain = real(other)
    same = plain is not None and _harmless(symbol, plain) and (tensor is a or symbol in "+*")
    if not same:
        # 0.5 means something else on scores that are shifted or scaled.
        after = replace(after, final=None)
    if (
        symbol == "**"
        and tensor is a
        and tensor.scale is Scale.INDEPENDENT
        and plain is not None
        and plain > 0
    ):
        return after  # each is still between 0 and 1
    shared = tensor.scale is Scale.UNKNOWN and tensor.share is not None
    kept = tensor.scale is Scale.UNKNOWN or (tensor.scale is Scale.LOGITS and symbol in "+-*/")
    if same or (kept and not shared):
        return formulas.carried(tensor, after) if same else after
    made = after if shared else _combined(after, symbol)
    factor = _factor(symbol, plain, tensor is a)
    return made if factor is None else weighted(tensor, factor, made)


def _factor(symbol: str, plain: float | None, tensor_first: bool) -> float | None:
    """What a tensor is multiplied by."""
    if symbol == "*":
        return plain
    return 1 / plain if symbol == "/" and tensor_first and plain else None


def _plain(a: Value, b: Value) -> Value:
    for value in (a, b):
        if isinstance(value, Unknown):
            return value
    return data_tensor()


def _harmless(symbol: str, value: float) -> bool:
    """Adding almost nothing, or multiplying by one."""
    return abs(value) < SMALL if symbol in "+-" else value == 1


def _combined(tensor: TensorV, symbol: str) -> TensorV:
    return opaque(tensor, Undecided(Why.COMBINED, f"{tensor.activation} {symbol} ..."))


def _two(symbol: str, a: TensorV, b: TensorV) -> Value:
    """Arithmetic of two tensors, the way a merging layer sees it."""
    kind = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}.get(symbol, symbol)
    if kind in ("multiply", "divide") and Scale.LOGITS in (a.scale, b.scale) and _of_itself(a, b):
        made = replace(combine("add", [a, b], None), layer=None, parents=(a, b), final=None)
        return opaque(made, _OF_ITSELF)
    if kind in ("add", "subtract", "multiply") and Scale.LOGITS in (a.scale, b.scale):
        # Unbounded scores plus or times anything else stay unbounded.
        base, other = (a, b) if a.scale is Scale.LOGITS else (b, a)
        free = other.scale is not Scale.UNKNOWN or other.reason is None or other.reason.why is Why.DATA
        free = free or other.reason in SHARES
        if free or other.scale is Scale.LOGITS:
            merged = combine("add", [replace(a, scale=Scale.LOGITS), replace(b, scale=Scale.LOGITS)], None)
            return replace(
                base, shape=merged.shape, activation="linear", layer=None, parents=(a, b), final=None
            )
    if kind == "divide" and a.scale is Scale.LOGITS:
        return replace(a, layer=None, parents=(a, b))
    if kind == "multiply" and COMPARISON in (a.reason, b.reason):
        kept = a if b.reason == COMPARISON else b
        if kept.scale is Scale.INDEPENDENT:  # each is what it was, or 0
            return replace(kept, shape=broadcast(a.shape, b.shape), layer=None, parents=(a, b), final=None)
    made = replace(combine(kind, [a, b], None), layer=None, parents=(a, b))
    return summed([a, b], made) if kind == "add" else made


_OF_ITSELF = Undecided(Why.COMBINED, "scores scaled by what is computed from them")
"""``z * sigmoid(z)``, ``z / norm(z)``, ``(z - min) / (max - min)``: bounded on one side, or on both."""
MAX_WALK = 64


def _of_itself(a: TensorV, b: TensorV) -> bool:
    """Whether two factors are computed from the same scores, and from nothing else that could matter."""
    return not _scores_in(a).isdisjoint(_scores_in(b))


def _scores_in(tensor: TensorV) -> set[int]:
    """The scores, by identity, that a tensor is computed from without any more weights."""
    return {id(one) for one in _behind(tensor, formulas.is_part) if one.scale is Scale.LOGITS}


def _behind(tensor: TensorV, is_end: Callable[[TensorV], bool]) -> Iterator[TensorV]:
    """A tensor and what it is computed from without any more weights, up to such as are an end."""
    seen: set[int] = set()
    waiting: list[TensorV] = [tensor]
    while waiting and len(seen) < MAX_WALK:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if not is_end(one) and (one.layer is None or one.layer.spec.effect in _WITHOUT_WEIGHTS):
            waiting.extend(parent for parent in one.parents if isinstance(parent, TensorV))


_WITHOUT_WEIGHTS = (Effect.ACTIVATION, Effect.KEEP, Effect.LOGITS_ONLY, Effect.LAMBDA, Effect.MERGE)


def compare(run: Run, symbol: str, a: Value, b: Value, place: Place | None) -> Value:
    """A comparison of a tensor: with a constant, or with what is no prediction, it is a decision."""
    tensor, other = (a, b) if isinstance(a, TensorV) else (b, a)
    assert isinstance(tensor, TensorV)
    if symbol in ("<", "<=", ">", ">="):
        _decide(run, tensor, other, place)
    return TensorV(shape=tensor.shape, reason=COMPARISON)


def _decide(run: Run, tensor: TensorV, other: Value, place: Place | None) -> None:
    threshold = real(other)
    if threshold is not None:
        note_cutoff(run, tensor, threshold, place)
    elif isinstance(other, Unknown) or (isinstance(other, TensorV) and not _finals(other)):
        note_cutoff(run, tensor, None, place)
    elif isinstance(other, TensorV) and not _finals(tensor):
        note_cutoff(run, other, None, place)


def note_cutoff(run: Run, tensor: TensorV, threshold: float | None, place: Place | None) -> None:
    """A prediction, or what is computed from one, is cut at a threshold; other tensors are nobody's
    decision."""
    if place is None:
        return
    spelled = place.chunk.code(place.node)
    if tensor.final is not None and tensor.scale is not Scale.UNKNOWN:
        run.recorder.cutoff(threshold, spelled, tensor, place)
        return
    for one in _finals(tensor):
        run.recorder.cutoff(None, spelled, one, place)


def _finals(tensor: TensorV) -> list[TensorV]:
    """The predictions in logits behind a tensor, where nothing that comes after brings them to a scale."""
    ends = [one for one in _behind(tensor, _is_prediction_or_scaled) if _is_prediction(one)]
    return [one for one in ends if one.scale is Scale.LOGITS]


def _is_prediction(tensor: TensorV) -> bool:
    return tensor.final is not None and tensor.scale is not Scale.UNKNOWN


def _is_prediction_or_scaled(tensor: TensorV) -> bool:
    return _is_prediction(tensor) or tensor.scale not in (Scale.UNKNOWN, Scale.LOGITS)
