"""One canonical name for every spelling of the same thing.

``tf.keras.layers.Dense``, ``keras.src.layers.core.dense.Dense`` and
``tensorflow.python.keras.layers.core.Dense`` are all ``keras.layers.Dense``; ``tensorflow.nn.softmax``
and ``tensorflow.compat.v1.nn.softmax`` are ``tf.nn.softmax``. What is neither Keras nor TensorFlow
keeps its name. tests/test_catalogue_names.py holds the table of spellings, and that the function
is idempotent.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fromlogits_audit import regex

LIBRARIES = (
    *("focal_loss.", "keras_cv.", "segmentation_models."),
    *("tensorflow_addons.", "tensorflow_probability.", "transformers."),
)
"""How the names of other libraries begin, some of whose classes and functions the catalogue knows."""

_KERAS_ROOT = re.compile(
    r"(?:(?:tensorflow|tensorflow_core|tf)\.(?:(?:python|_api|compat|contrib|v[12])\.)*keras"
    r"|keras|tf_keras|keras_core|keras\._tf_keras\.keras|bert4keras\.backend\.keras"
    r"|keras_(?:cv|hub|nlp)\.(?:src\.)?backend(?=\.(?:keras|ops)(?:\.|$)))(?=\.|$)"
)
_KERAS_INNER = regex.later(r"\.(?:api|src|_tf_keras|_v[12]|v[12]|python|legacy|keras)(?=\.|$)")
_TF_ROOT = re.compile(r"(?:tensorflow|tensorflow_core|tf)(?=\.|$)")
_TF_INNER = regex.later(r"\.(?:_api|compat|v[12])(?=\.|$)")

_CATEGORIES = frozenset(
    {
        "activations",
        "applications",
        "backend",
        "callbacks",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
        "ops",
        "optimizers",
        "regularizers",
        "utils",
    }
)
"""Modules of Keras whose submodules are only where a name happens to be defined."""

_RENAMED = {
    "objectives": "losses",
    "operations": "ops",
    "optimizer_v1": "optimizers",
    "optimizer_v2": "optimizers",
}

_SINGLE = {
    "Model": "keras.Model",
    "Functional": "keras.Model",
    "Sequential": "keras.Sequential",
    "Input": "keras.Input",
    "InputLayer": "keras.layers.InputLayer",
    "InputSpec": "keras.layers.InputSpec",
    "Layer": "keras.layers.Layer",
    "Loss": "keras.losses.Loss",
    "Metric": "keras.metrics.Metric",
}
"""Classes that several modules of Keras export."""

_HOMES = frozenset({"engine", "layers", "losses", "metrics", "models", "trainers", "training"})
_MODEL_FUNCTIONS = frozenset(
    {"clone_model", "load_model", "model_from_config", "model_from_json", "save_model"}
)

_TF1_LOSSES = frozenset(
    {
        "absolute_difference",
        "add_loss",
        "compute_weighted_loss",
        "cosine_distance",
        "get_losses",
        "get_regularization_loss",
        "get_regularization_losses",
        "get_total_loss",
        "hinge_loss",
        "huber_loss",
        "log_loss",
        "mean_pairwise_squared_error",
        "sigmoid_cross_entropy",
        "softmax_cross_entropy",
        "sparse_softmax_cross_entropy",
    }
)
"""``tf.losses`` of TensorFlow 1; every other name there is Keras's."""

_TF1_METRICS = frozenset(
    {
        "accuracy",
        "auc",
        "average_precision_at_k",
        "false_negatives",
        "false_positives",
        "mean",
        "mean_iou",
        "mean_per_class_accuracy",
        "mean_tensor",
        "percentage_below",
        "precision",
        "precision_at_k",
        "recall",
        "recall_at_k",
        "root_mean_squared_error",
        "true_negatives",
        "true_positives",
    }
)

_TF_TO_KERAS = frozenset({"constraints", "initializers", "optimizers", "regularizers"})

_TF_SOURCES = {
    "nn": "nn",
    "nn_ops": "nn",
    "nn_impl": "nn",
    "nn_impl_distribute": "nn",
    "gen_nn_ops": "nn",
    "ctc_ops": "nn",
    "embedding_ops": "nn",
    "math_ops": "math",
    "gen_math_ops": "math",
    "special_math_ops": "",
    "clip_ops": "",
    "array_ops": "",
    "gen_array_ops": "",
    "linalg_ops": "linalg",
    "random_ops": "random",
    "losses_impl": "compat.v1.losses",
}
"""Modules of ``tensorflow.python.ops`` and the public module that re-exports them."""

_PACKAGES = regex.later(
    r"(keras_hub|keras_nlp|keras_cv)\.(?:api\.|src\.)*models\.(?:[a-z_0-9]\w*\.)+(?=[A-Z])"
)
_TRANSFORMERS = regex.later(r"transformers\.(?:[a-z_0-9]\w*\.)+(?=TF[A-Z])")

_BACKEND_OF_BERT = "bert4keras.backend.K"
"""It hands on Keras's backend under this name, and Keras itself as ``bert4keras.backend.keras``."""
_STANDALONE = ("keras_applications.", "keras_preprocessing.")
"""Packages that were parts of Keras before and after."""


MAX_LENGTH = 1_000
"""Of a name that is looked into: what is longer is nothing of Keras, however it begins."""


@lru_cache(maxsize=4096)
def canonical(dotted: str) -> str:
    """The canonical name of a dotted name.

    Names of Keras begin with ``keras.``, names of TensorFlow itself with ``tf.``; everything
    else is returned as it is. ``canonical(canonical(x)) == canonical(x)``.
    """
    if len(dotted) > MAX_LENGTH:
        return dotted
    if dotted.startswith(_STANDALONE):
        dotted = dotted.replace("_", ".", 1)
    if dotted.startswith(_BACKEND_OF_BERT):
        dotted = "keras.backend" + dotted[len(_BACKEND_OF_BERT) :]
    while match := _KERAS_ROOT.match(dotted):
        parts = _keras_parts(dotted[match.end() :])
        # ``K.tf.nn.softmax``: the old backend module holds TensorFlow itself.
        if parts[:1] != ["backend"] or "tf" not in parts[1:3]:
            return _category(parts)
        dotted = ".".join(parts[parts.index("tf") :])
    match = _TF_ROOT.match(dotted)
    if match:
        return _tensorflow(dotted[match.end() + 1 :])
    if dotted.startswith("keras_"):
        return _PACKAGES.sub(r"\1.models.", dotted)
    return _TRANSFORMERS.sub("transformers.", dotted)


def _keras_parts(tail: str) -> list[str]:
    """``tail`` is what follows the root: empty, or a dot and the rest."""
    inner = _KERAS_INNER.match(tail)
    while inner:
        tail = tail[inner.end() :]
        inner = _KERAS_INNER.match(tail)
    if not tail:
        return []
    parts = tail[1:].split(".")
    return [_RENAMED.get(parts[0], parts[0]), *parts[1:]]


def _category(parts: list[str]) -> str:
    """The canonical name of ``keras.<parts>``, the inner modules left out."""
    if not parts:
        return "keras"
    at = _first_class(parts)
    single = _SINGLE.get(parts[at])
    if single and (at == 0 or parts[0] in _HOMES):
        return ".".join([single, *parts[at + 1 :]])
    if parts[0] in {"saving", "engine", "models"} and parts[-1] in _MODEL_FUNCTIONS:
        return f"keras.models.{parts[-1]}"
    if parts[0] not in _CATEGORIES or len(parts) < 3 or "schedules" in parts:
        return ".".join(["keras", *parts])
    return ".".join(["keras", parts[0], *parts[at:]])


def _first_class(parts: list[str]) -> int:
    """Where the name proper begins: the first part with a capital, else the last part."""
    for index, part in enumerate(parts):
        if part[:1].isupper():
            return index
    return len(parts) - 1


def _tensorflow(tail: str) -> str:
    """``tail`` is what follows ``tensorflow.``."""
    old = tail.startswith("compat.v1.")
    tail = "." + tail if tail else ""
    inner = _TF_INNER.match(tail)
    while inner:
        tail = tail[inner.end() :]
        inner = _TF_INNER.match(tail)
    if not tail:
        return "tf.compat.v1" if old else "tf"
    parts = tail[1:].split(".")
    if parts[0] == "python":
        return _tensorflow_source(parts)
    name = ".".join(parts)
    if parts[0] == "layers" and len(parts) == 2 and parts[1][:1].isupper():
        return _category(_keras_parts("." + name))
    if parts[0] == "layers" or (old and parts[0] in {"losses", "metrics"}):
        return f"tf.compat.v1.{name}"
    if parts[0] in {"losses", "metrics"} and len(parts) > 1:
        names = _TF1_LOSSES if parts[0] == "losses" else _TF1_METRICS
        return f"tf.compat.v1.{name}" if parts[1] in names else _category(_keras_parts("." + name))
    if parts[0] in _TF_TO_KERAS and not old:
        return _category(_keras_parts("." + name))
    return f"tf.{name}"


def _tensorflow_source(parts: list[str]) -> str:
    """``tensorflow.python.<...>``: where TensorFlow defines what its public modules re-export."""
    if len(parts) > 3 and parts[1] in {"ops", "layers"}:
        if parts[1] == "layers" or parts[2] == "losses":
            return f"tf.compat.v1.{parts[2] if parts[1] == 'ops' else 'layers'}.{parts[-1]}"
        public = _TF_SOURCES.get(parts[2])
        if public is not None:
            return ".".join(["tf", *([public] if public else []), *parts[3:]])
    if parts[1:3] == ["framework", "ops"] and len(parts) > 3:
        return ".".join(["tf", *parts[3:]])
    return ".".join(["tf", *parts])
