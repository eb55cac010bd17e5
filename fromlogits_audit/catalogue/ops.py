"""What functions and methods on tensors do to a scale, and which of them compare.

Lookups over :mod:`fromlogits_audit.catalogue.ops_rows`. Specs are built when asked for, because
most runs need a handful of several hundred.
"""

from __future__ import annotations

from functools import cache

from fromlogits_audit.catalogue.interface import OpEffect, OpSpec
from fromlogits_audit.catalogue.ops_rows import OP_ROWS
from fromlogits_audit.catalogue.rows import params

_SOURCES = (
    ("keras.backend.", "tf_keras 2.21"),
    ("keras.", "keras 3.15"),
    ("tf.", "tensorflow 2.21"),
    ("numpy.", "numpy 2.4"),
    ("jax.", "jax 0.10"),
)
_INDEX: dict[str, tuple[str, OpEffect, str, str]] = {
    name: row for row in OP_ROWS for name in (row[0], *row[3].split())
}
# ``tf.experimental.numpy`` and JAX's older alias mirror NumPy.
_MIRRORS = (("tf.experimental.numpy.", "numpy."), ("jax.experimental.numpy.", "jax.numpy."))

_COMPARED: dict[str, str] = {
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "not_equal": "!=",
}
_COMPARING = frozenset({"tf", "tf.math", "keras.ops", "keras.backend", "numpy", "jax.numpy"})

WITHIN_ALONE = frozenset({"abs", "absolute", "square", "sqrt"})
"""What takes a number in [0, 1] to a number in [0, 1]."""
WITHIN_TOGETHER = frozenset({"multiply", "maximum", "minimum", "average"})
"""What takes several numbers in [0, 1] to one there."""

METHODS: dict[str, OpEffect] = {
    **dict.fromkeys(
        ("numpy", "astype", "squeeze", "copy", "tolist", "item", "block_until_ready", "cpu", "detach"),
        OpEffect.KEEP,
    ),
    **dict.fromkeys(("eval", "read_value", "value", "to_tensor", "to_numpy"), OpEffect.KEEP),
    **dict.fromkeys(
        ("reshape", "flatten", "ravel", "transpose", "T", "swapaxes", "repeat", "view", "mT"),
        OpEffect.RESHAPE,
    ),
    **dict.fromkeys(("dot", "matmul"), OpEffect.LINEAR),
    **dict.fromkeys(("round",), OpEffect.ROUND),
    **dict.fromkeys(("argmax", "argmin", "argsort", "argpartition"), OpEffect.ARGMAX),
    **dict.fromkeys(("mean",), OpEffect.MEAN),
    **dict.fromkeys(("sum", "max", "min", "std", "var", "prod", "cumsum", "ptp"), OpEffect.REDUCE),
    **dict.fromkeys(("clip",), OpEffect.CLIP),
    **dict.fromkeys(("take", "compress", "diagonal", "choose", "gather_nd"), OpEffect.SELECT),
    **dict.fromkeys(
        ("shape", "get_shape", "size", "ndim", "dtype", "nonzero", "any", "all", "nbytes", "itemsize"),
        OpEffect.NEW,
    ),
}
"""Methods and attributes of arrays, tensors and variables, by name."""


def op(canonical: str) -> OpSpec | None:
    """The spec of a function on tensors, by canonical name (``tf.squeeze``, ``numpy.argmax``)."""
    for mirror, original in _MIRRORS:
        if canonical.startswith(mirror):
            canonical = original + canonical[len(mirror) :]
    row = _INDEX.get(canonical)
    return None if row is None else _spec(row)


@cache
def _spec(row: tuple[str, OpEffect, str, str]) -> OpSpec:
    name, effect, signature, aliases = row
    source = next(source for prefix, source in _SOURCES if name.startswith(prefix))
    return OpSpec(name, effect, params(signature), source, tuple(aliases.split()))


def method(name: str) -> OpEffect | None:
    """What a method or attribute of a tensor or array does to its scale."""
    return METHODS.get(name)


def comparison(canonical: str) -> str | None:
    """The operator a comparing function stands for: ``>`` for ``tf.greater``."""
    module, _, name = canonical.rpartition(".")
    return _COMPARED.get(name) if module in _COMPARING else None
