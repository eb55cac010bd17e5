"""Functions that weigh what they are given: products, convolutions, look-ups, and the units they end with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.products import dot_shape
from fromlogits_audit.interp.keras.arithmetic import columns, matrix_product
from fromlogits_audit.interp.keras.selecting import first
from fromlogits_audit.interp.keras.shapes import UNRANKED, dims, ranked
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import FALSE, Args, Const, Place, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_PRODUCTS = frozenset({"matmul", "dot", "xw_plus_b"})
_CONVOLUTIONS = frozenset({"atrous_conv2d", "conv", "conv1d", "conv2d", "conv3d", "convolution"})
"""What ends with as many channels as its kernel, where those come last."""
_SAME_SHAPE = frozenset({"batch_normalization", "bias_add", "layer_normalization", "rms_normalization"})


def linear(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    short, right = name.rpartition(".")[2], args.get(1, "b")
    flag = args.keywords.get("transpose_b") or args.keywords.get("adjoint_b") or FALSE
    if short in _PRODUCTS and isinstance(flag, Const):
        return matrix_product(args, place, columns(right, transposed=bool(flag.value)))
    made = matrix_product(args, place)
    if not isinstance(made, TensorV):
        return made
    if short in _SAME_SHAPE:
        return replace(made, shape=first(args).shape)
    if short == "batch_dot" and isinstance(right, TensorV):
        axes = args.get(2, "axes")
        shape = dot_shape(ranked(first(args).shape), ranked(right.shape), dims(run, axes)) if axes else None
        return replace(made, shape=shape or (UNRANKED, None))
    last = short in _CONVOLUTIONS and "data_format" not in args.keywords
    return replace(made, shape=(UNRANKED, columns(args.get(1, "filters") if last else None)))
