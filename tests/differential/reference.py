"""Losses in float64 NumPy: what an output of a given scale is worth for given labels."""

from __future__ import annotations

import numpy as np

from .losses import BINARY, CATEGORICAL, OTHER

EPSILON = 1e-7
ALPHA, GAMMA = 0.25, 2.0
Array = np.ndarray


def truth_for(loss: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Labels that fit a loss, for outputs of ``shape``."""
    classes = rng.integers(0, shape[-1], shape[:-1])
    if loss == "SparseCategoricalCrossentropy":
        return classes
    if loss in CATEGORICAL or loss == "KLDivergence":
        return np.eye(shape[-1], dtype="float32")[classes]
    if loss in OTHER:
        return rng.normal(size=shape).astype("float32")
    return rng.integers(0, 2, shape).astype("float32")


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _class_logs(scale: str, p: Array) -> Array:
    """Logarithms of the probabilities of exclusive classes that an output stands for."""
    if scale == "logits":
        return _log_softmax(p)
    if scale == "log-probabilities":
        return p
    if scale == "non-negative":  # exp(z), which Keras divides by its sum
        return np.log(p / p.sum(-1, keepdims=True))
    return np.log(np.clip(p, EPSILON, 1 - EPSILON))


def _both_logs(scale: str, p: Array) -> tuple[Array, Array]:
    """log p and log(1 - p) of independent classes."""
    if scale == "logits":
        return -np.logaddexp(0, -p), -np.logaddexp(0, p)
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return np.log(p), np.log(1 - p)


def right_value(loss: str, scale: str, truth: Array, output: Array) -> float | None:
    """The mean loss of an output that is taken for what it is; None where nothing is the right value."""
    p = np.asarray(output, dtype="float64")
    if loss in BINARY:
        if scale == "probabilities":  # exclusive classes: what a categorical cross-entropy computes
            return float(-(truth * _class_logs(scale, p)).sum(-1).mean())
        if scale not in ("logits", "independent-probabilities"):
            return None
        yes, no = _both_logs(scale, p)
        focus = (np.where(truth == 1, 1 - np.exp(yes), 1 - np.exp(no)) ** GAMMA) if "Focal" in loss else 1.0
        return float(-(focus * (truth * yes + (1 - truth) * no)).mean())
    if loss == "KLDivergence" and scale not in ("logits", "probabilities", "independent-probabilities"):
        return None
    if loss not in (*CATEGORICAL, "KLDivergence") or scale == "bounded":
        return None
    if loss == "SparseCategoricalCrossentropy":
        if scale == "non-negative":  # TensorFlow clips exp(z) to [0, 1] here, and JAX does not
            return None
        truth = np.eye(p.shape[-1])[truth.reshape(p.shape[:-1]).astype(int)]
    logs = _class_logs(scale, p)
    focus = ALPHA * (1 - np.exp(logs)) ** GAMMA if "Focal" in loss else 1.0
    return float(-(focus * truth * logs).sum(-1).mean())
