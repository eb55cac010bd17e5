"""Every loss of Keras 3 and tf_keras, as class, string and function, and TensorFlow's own.

The tests walk ``keras.losses``, ``tf_keras.losses``, ``keras.ops``, ``tf_keras.backend``, ``tf.nn``
and ``tf.compat.v1.losses`` of the installed packages: each public loss has a row, its parameters
stand where the row says, and each string resolves to the same loss. Constructor parameters are
those of Keras 3; tf_keras has neither ``dtype`` nor, in the sparse loss, ``axis``, and calls the
default reduction ``auto``. ``from_logits`` stands in the same place in both.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec
from fromlogits_audit.catalogue.names import LIBRARIES
from fromlogits_audit.catalogue.rows import params
from fromlogits_audit.ir import Family

_SUM = "reduction='sum_over_batch_size'"
_SOURCE = "keras.src.losses.losses"


def _loss(
    name: str,
    family: Family,
    signature: str,
    strings: str,
    *,
    sparse: bool | None = None,
    focal: bool = False,
) -> LossSpec:
    """A row. ``strings`` are further spellings; the class name is always one."""
    spellings = (*strings.split(), name)
    return LossSpec(name, family, _SOURCE, params(signature), sparse, focal, strings=spellings)


def _plain(name: str, string: str, aliases: str = "", label: str = "") -> LossSpec:
    """A loss that asks for no scale and takes nothing but the common parameters."""
    signature = f"{_SUM}, name='{label or string}', dtype=None"
    return _loss(name, Family.ANY, signature, f"{string} {aliases}")


BINARY = _loss(
    "BinaryCrossentropy",
    Family.BINARY,
    f"from_logits=False, label_smoothing=0.0, axis=-1, {_SUM}, name='binary_crossentropy', dtype=None",
    "binary_crossentropy bce BCE",
)
BINARY_FOCAL = _loss(
    "BinaryFocalCrossentropy",
    Family.BINARY,
    "apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, "
    f"axis=-1, {_SUM}, name='binary_focal_crossentropy', dtype=None",
    "binary_focal_crossentropy",
    focal=True,
)
CATEGORICAL = _loss(
    "CategoricalCrossentropy",
    Family.CATEGORICAL,
    f"from_logits=False, label_smoothing=0.0, axis=-1, {_SUM}, name='categorical_crossentropy', dtype=None",
    "categorical_crossentropy",
    sparse=False,
)
CATEGORICAL_FOCAL = _loss(
    "CategoricalFocalCrossentropy",
    Family.CATEGORICAL,
    f"alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1, {_SUM}, "
    "name='categorical_focal_crossentropy', dtype=None",
    "categorical_focal_crossentropy",
    sparse=False,
    focal=True,
)
SPARSE = _loss(
    "SparseCategoricalCrossentropy",
    Family.CATEGORICAL,
    f"from_logits=False, ignore_class=None, {_SUM}, axis=-1, "
    "name='sparse_categorical_crossentropy', dtype=None",
    "sparse_categorical_crossentropy",
    sparse=True,
)
KL_DIVERGENCE = _loss(
    "KLDivergence",
    Family.PROBABILITY,
    f"{_SUM}, name='kl_divergence', dtype=None",
    "kl_divergence kld KLD kullback_leibler_divergence",
)
DICE = _loss("Dice", Family.PROBABILITY, f"{_SUM}, name='dice', axis=None, dtype=None", "dice")
TVERSKY = _loss(
    "Tversky",
    Family.PROBABILITY,
    f"alpha=0.5, beta=0.5, {_SUM}, name='tversky', axis=None, dtype=None",
    "tversky",
)
# Exported, but absent from the names that ``losses.get`` knows: no string yields it.
GENERALIZED = LossSpec(
    "CategoricalGeneralizedCrossEntropy",
    Family.PROBABILITY,
    _SOURCE,
    params(f"q=0.5, {_SUM}, name='categorical_generalized_cross_entropy', dtype=None"),
    sparse=True,
)
# Always logits, and no flag to say so (23.49, and 13.64 on a softmax of them); no rule is about it.
CTC = LossSpec(
    "CTC",
    Family.ANY,
    _SOURCE,
    params(f"{_SUM}, name='ctc', dtype=None"),
    sparse=True,
    always_logits=True,
    strings=("ctc", "CTC"),
)
CIRCLE = _loss(
    "Circle",
    Family.ANY,
    f"gamma=80.0, margin=0.4, remove_diagonal=True, {_SUM}, name='circle', dtype=None",
    "circle",
)
COSINE = _loss(
    "CosineSimilarity",
    Family.ANY,
    f"axis=-1, {_SUM}, name='cosine_similarity', dtype=None",
    "cosine_similarity",
)
HUBER = _loss("Huber", Family.ANY, f"delta=1.0, {_SUM}, name='huber_loss', dtype=None", "huber huber_loss")
LOG_COSH = _plain("LogCosh", "log_cosh", "logcosh")
HINGE = _plain("Hinge", "hinge")
SQUARED_HINGE = _plain("SquaredHinge", "squared_hinge")
CATEGORICAL_HINGE = _plain("CategoricalHinge", "categorical_hinge")
MAE = _plain("MeanAbsoluteError", "mean_absolute_error", "mae MAE")
MSE = _plain("MeanSquaredError", "mean_squared_error", "mse MSE")
MAPE = _plain("MeanAbsolutePercentageError", "mean_absolute_percentage_error", "mape MAPE")
MSLE = _plain("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "msle MSLE")
POISSON = _plain("Poisson", "poisson")

# TensorFlow 1's ``log_loss``: a binary cross-entropy of probabilities, without a flag.
LOG_LOSS = LossSpec(
    "BinaryCrossentropy", Family.PROBABILITY, "tensorflow.python.ops.losses.losses_impl", params("")
)

LOSSES: tuple[LossSpec, ...] = (
    BINARY,
    BINARY_FOCAL,
    CATEGORICAL,
    CATEGORICAL_FOCAL,
    SPARSE,
    KL_DIVERGENCE,
    DICE,
    TVERSKY,
    GENERALIZED,
    CTC,
    CIRCLE,
    COSINE,
    HUBER,
    LOG_COSH,
    HINGE,
    SQUARED_HINGE,
    CATEGORICAL_HINGE,
    MAE,
    MSE,
    MAPE,
    MSLE,
    POISSON,
)
# Losses without a public class: the function forms below need something to point at.
_CTC_BATCH_COST = LossSpec("CTC", Family.PROBABILITY, "tf_keras.src.backend", params(""), sparse=True)


def _functions(loss: LossSpec, names: str, signature: str) -> list[LossFunctionSpec]:
    """``keras.losses.<name>``, and ``keras.metrics.<name>``, which is the same function."""
    return [
        LossFunctionSpec(f"keras.{module}.{name}", loss, params(signature), "y_true", "y_pred", loss.source)
        for name in names.split()
        for module in ("losses", "metrics")
    ]


def _backend(loss: LossSpec, name: str, signature: str, where: str = "ops backend") -> list[LossFunctionSpec]:
    """``keras.ops.<name>`` and ``keras.backend.<name>``: (target, output), labels first."""
    sources = {"ops": "keras.src.ops.nn", "backend": "tf_keras.src.backend"}
    return [
        LossFunctionSpec(
            f"keras.{module}.{name}", loss, params(signature), "target", "output", sources[module]
        )
        for module in where.split()
    ]


def _op(
    name: str,
    loss: LossSpec,
    signature: str,
    labels: str = "labels",
    predictions: str = "logits",
    source: str = "tensorflow.python.ops",
) -> LossFunctionSpec:
    """A function of TensorFlow. The flag is in the name: ``logits`` where it takes logits."""
    always = predictions == "logits" and loss.family is not Family.ANY
    return LossFunctionSpec(name, loss, params(signature), labels, predictions, source, always)


_TWO = "y_true, y_pred"
_CE = f"{_TWO}, from_logits=False, label_smoothing=0.0, axis=-1"
_V1_TAIL = "scope=None, loss_collection='losses', reduction='weighted_sum_by_nonzero_weights'"
_V1 = "tf.compat.v1.losses."
_V1_SOURCE = "tensorflow.python.ops.losses.losses_impl"

_KERAS_FUNCTIONS: tuple[LossFunctionSpec, ...] = (
    *_functions(BINARY, "binary_crossentropy", _CE),
    *_functions(
        BINARY_FOCAL,
        "binary_focal_crossentropy",
        f"{_TWO}, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, "
        "label_smoothing=0.0, axis=-1",
    ),
    *_functions(CATEGORICAL, "categorical_crossentropy", _CE),
    *_functions(
        CATEGORICAL_FOCAL,
        "categorical_focal_crossentropy",
        f"{_TWO}, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1",
    ),
    *_functions(
        SPARSE,
        "sparse_categorical_crossentropy",
        f"{_TWO}, from_logits=False, ignore_class=None, axis=-1",
    ),
    *_functions(KL_DIVERGENCE, "kl_divergence kld KLD kullback_leibler_divergence", _TWO),
    *_functions(DICE, "dice", f"{_TWO}, axis=None"),
    *_functions(TVERSKY, "tversky", f"{_TWO}, alpha=0.5, beta=0.5, axis=None"),
    *_functions(GENERALIZED, "categorical_generalized_cross_entropy", f"{_TWO}, q"),
    *_functions(CTC, "ctc", _TWO),
    *_functions(
        CIRCLE,
        "circle",
        f"{_TWO}, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4",
    ),
    *_functions(COSINE, "cosine_similarity cosine_proximity cosine", f"{_TWO}, axis=-1"),
    *_functions(HUBER, "huber", f"{_TWO}, delta=1.0"),
    *_functions(LOG_COSH, "log_cosh logcosh", _TWO),
    *_functions(HINGE, "hinge", _TWO),
    *_functions(SQUARED_HINGE, "squared_hinge", _TWO),
    *_functions(CATEGORICAL_HINGE, "categorical_hinge", _TWO),
    *_functions(MAE, "mean_absolute_error mae MAE", _TWO),
    *_functions(MSE, "mean_squared_error mse MSE", _TWO),
    *_functions(MAPE, "mean_absolute_percentage_error mape MAPE", _TWO),
    *_functions(MSLE, "mean_squared_logarithmic_error msle MSLE", _TWO),
    *_functions(POISSON, "poisson", _TWO),
)
_BACKEND_FUNCTIONS: tuple[LossFunctionSpec, ...] = (
    *_backend(BINARY, "binary_crossentropy", "target, output, from_logits=False"),
    *_backend(CATEGORICAL, "categorical_crossentropy", "target, output, from_logits=False, axis=-1"),
    *_backend(SPARSE, "sparse_categorical_crossentropy", "target, output, from_logits=False, axis=-1"),
    *_backend(
        BINARY_FOCAL,
        "binary_focal_crossentropy",
        "target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False",
        "backend",
    ),
    *_backend(
        CATEGORICAL_FOCAL,
        "categorical_focal_crossentropy",
        "target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1",
        "backend",
    ),
    *_backend(CTC, "ctc_loss", "target, output, target_length, output_length, mask_index=0", "ops"),
    LossFunctionSpec(
        "keras.backend.ctc_batch_cost",
        _CTC_BATCH_COST,
        params("y_true, y_pred, input_length, label_length"),
        "y_true",
        "y_pred",
        "tf_keras.src.backend",
    ),
)
_TF_FUNCTIONS: tuple[LossFunctionSpec, ...] = (
    _op("tf.nn.softmax_cross_entropy_with_logits", CATEGORICAL, "labels, logits, axis=-1, name=None"),
    _op("tf.nn.softmax_cross_entropy_with_logits_v2", CATEGORICAL, "labels, logits, axis=None, name=None"),
    _op("tf.nn.sparse_softmax_cross_entropy_with_logits", SPARSE, "labels, logits, name=None"),
    _op("tf.nn.sigmoid_cross_entropy_with_logits", BINARY, "labels=None, logits=None, name=None"),
    _op("tf.nn.weighted_cross_entropy_with_logits", BINARY, "labels, logits, pos_weight, name=None"),
    _op(
        "tf.nn.ctc_loss",
        CTC,
        "labels, logits, label_length, logit_length, logits_time_major=True, unique=None, "
        "blank_index=None, name=None",
    ),
    _op(
        f"{_V1}softmax_cross_entropy",
        CATEGORICAL,
        f"onehot_labels, logits, weights=1.0, label_smoothing=0, {_V1_TAIL}",
        "onehot_labels",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}sparse_softmax_cross_entropy",
        SPARSE,
        f"labels, logits, weights=1.0, {_V1_TAIL}",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}sigmoid_cross_entropy",
        BINARY,
        f"multi_class_labels, logits, weights=1.0, label_smoothing=0, {_V1_TAIL}",
        "multi_class_labels",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}log_loss",
        LOG_LOSS,
        f"labels, predictions, weights=1.0, epsilon=1e-07, {_V1_TAIL}",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}mean_squared_error",
        MSE,
        f"labels, predictions, weights=1.0, {_V1_TAIL}",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}mean_pairwise_squared_error",
        MSE,
        "labels, predictions, weights=1.0, scope=None, loss_collection='losses'",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}absolute_difference",
        MAE,
        f"labels, predictions, weights=1.0, {_V1_TAIL}",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}huber_loss",
        HUBER,
        f"labels, predictions, weights=1.0, delta=1.0, {_V1_TAIL}",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}hinge_loss",
        HINGE,
        f"labels, logits, weights=1.0, {_V1_TAIL}",
        source=_V1_SOURCE,
    ),
    _op(
        f"{_V1}cosine_distance",
        COSINE,
        f"labels, predictions, axis=None, weights=1.0, {_V1_TAIL}, dim=None",
        predictions="predictions",
        source=_V1_SOURCE,
    ),
)
LOSS_FUNCTIONS: tuple[LossFunctionSpec, ...] = (*_KERAS_FUNCTIONS, *_BACKEND_FUNCTIONS, *_TF_FUNCTIONS)

_CLASSES: dict[str, LossSpec] = {f"keras.losses.{spec.name}": spec for spec in LOSSES}
# Keras 2.0 to 2.2 knew it by this name, and the string still resolves there.
_STRINGS: dict[str, LossSpec] = {
    **{alias: spec for spec in LOSSES for alias in spec.strings},
    "cosine_proximity": COSINE,
    "cosine": COSINE,
}
_FUNCTIONS: dict[str, LossFunctionSpec] = {spec.name: spec for spec in LOSS_FUNCTIONS}
_INFERRED = frozenset({"crossentropy", "ce"})


def loss_class(canonical: str) -> LossSpec | None:
    """The row of a loss class, by canonical name (``keras.losses.BinaryCrossentropy``)."""
    if canonical.startswith(LIBRARIES):
        from fromlogits_audit.catalogue import losses_third_party

        return losses_third_party.CLASSES.get(canonical)
    return _CLASSES.get(canonical)


def loss_function(canonical: str) -> LossFunctionSpec | None:
    """The row of a function that computes a loss, by canonical name."""
    if canonical.startswith(LIBRARIES):
        from fromlogits_audit.catalogue import losses_third_party

        return losses_third_party.FUNCTIONS.get(canonical)
    return _FUNCTIONS.get(canonical)


def loss_string(alias: str) -> LossSpec | None:
    """The row of a string given to ``compile(loss=...)``; case counts, as it does for Keras."""
    return _STRINGS.get(alias)


def inferred_string(alias: str) -> bool:
    """Whether Keras 3's ``compile`` picks the cross-entropy by the shapes of labels and output.

    Source: keras.src.trainers.compile_utils; case does not count there.
    """
    return alias.lower() in _INFERRED
