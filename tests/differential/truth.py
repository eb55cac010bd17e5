"""What the contract says of one loss and one output, written down apart from the rules.

This table is the generator's own. The living objects are asked as well; where this disagrees with
them, it is this that is wrong.
"""

from __future__ import annotations

from .heads import Head
from .losses import BINARY, CATEGORICAL, Target

CODES = {
    ("categorical", True): {
        "probabilities": "FLA101",
        "independent-probabilities": "FLA301",
        "bounded": "FLA306",
        "non-negative": "FLA306",
    },
    ("categorical", False): {
        "logits": "FLA201",
        "independent-probabilities": "FLA301",
        "log-probabilities": "FLA204",
        "bounded": "FLA305",
        "non-negative": "FLA305",
    },
    ("binary", True): {
        "probabilities": "FLA302",
        "independent-probabilities": "FLA102",
        "log-probabilities": "FLA305",
        "bounded": "FLA306",
        "non-negative": "FLA306",
    },
    ("binary", False): {
        "logits": "FLA202",
        "probabilities": "FLA302",
        "log-probabilities": "FLA305",
        "bounded": "FLA305",
        "non-negative": "FLA305",
    },
}


def code(target: Target, head: Head, *, as_class: bool = False) -> str | None:
    """The finding that is due, None where the pairing is right."""
    if head.units == 1 and head.activation == "softmax":
        return "FLA303"
    if as_class:
        return "FLA601"
    if target.name in CATEGORICAL and head.units == 1:
        return "FLA304"
    if target.name == "KLDivergence":
        return "FLA203" if head.scale == "logits" else None
    family = "categorical" if target.name in CATEGORICAL else "binary" if target.name in BINARY else None
    if family is None:
        return None
    if (family, target.from_logits) == ("categorical", False) and head.activation == "exponential":
        return None
    return CODES[family, bool(target.from_logits)].get(head.scale)
