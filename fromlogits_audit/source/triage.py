"""Which files can hold a site at all: a search over bytes, so that most files are never parsed.

It may say yes for nothing (a comment that names Keras), never no for a file that names
Keras, TensorFlow, a loss or ``.compile(``.
"""

from __future__ import annotations

import re

_WORDS = (
    # Lower case, sought in the lowered bytes: one pass each of the C substring search is
    # several times faster than one alternation that ignores case.
    b"keras",
    b"tensorflow",
    b"crossentropy",
    b"cross_entropy",
    b"_with_logits",
    b"from_logits",
    b"kldivergence",
    b"kl_divergence",
    b"kullback",
    b"dice_loss",
    b"diceloss",
    b"tversky",
    b"focal",
    b"hinge",
    b"poisson",
    b"logcosh",
    b"log_cosh",
    b"huber",
    b"cosinesimilarity",
    b"cosine_similarity",
    b"squarederror",
    b"squared_error",
    b"squaredlogarithmic",
    b"squared_logarithmic",
    b"absoluteerror",
    b"absolute_error",
    b"absolutepercentage",
    b"absolute_percentage",
    b"ctc_",
    b"gradienttape",
    # A suppression of ours: it has to be told where it silences nothing.
    b"noqa: fla",
    b"noqa:fla",
)

_COMPILE = re.compile(rb"(?<!\bre)(?<!\bsre)(?<!\bregex)\.[\s\\]*compile[\s\\]*\(")
"""A call of a method ``compile``, but not of a regular expression module."""

_KERAS = (
    b"keras",
    b"tensorflow",
    b"crossentropy",
    b"_with_logits",
    b"from_logits",
    b"gradienttape",
    b"transformers",
    b"segmentation_models",
)
"""What programs of Keras say; ``huber`` and ``poisson`` alone are statistics."""

_TF = re.compile(rb"\btf\.")
_DICE = re.compile(rb"\bDice\b")
"""The loss class; in lower case it is a part of every ``indices``."""


def might_matter(data: bytes) -> bool:
    """Whether a file of these bytes has to be parsed. ``re.compile(...)`` alone does not count."""
    lowered = data.lower()
    if any(word in lowered for word in _WORDS):
        return True
    if b"Dice" in data and _DICE.search(data):
        return True
    return b"compile" in data and _COMPILE.search(data) is not None


def names_keras(data: bytes) -> bool:
    """Whether a file says that it uses Keras itself, and not only through what it imports."""
    lowered = data.lower()
    if any(word in lowered for word in _KERAS) or _TF.search(data) is not None:
        return True
    trains = b"loss" in lowered or b"optimizer" in lowered
    return trains and b"compile" in data and _COMPILE.search(data) is not None
