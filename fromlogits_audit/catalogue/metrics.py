"""Every metric of Keras 3 and tf_keras, as class, string and function.

Only metrics with a probability threshold or a ``from_logits`` say something about the scale of an
output; the rest are listed so that a known metric is never taken for an unknown one. The tests
walk ``keras.metrics`` and ``tf_keras.metrics`` of the installed packages.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import MetricSpec, Parameters
from fromlogits_audit.catalogue.rows import params
from fromlogits_audit.ir import Family

_SOURCE = "keras.src.metrics."
_PAIR = "y_true, y_pred"


def _metric(
    name: str,
    family: Family,
    module: str,
    signature: str,
    strings: str = "",
    *,
    threshold: str | None = None,
    cut: float | None = None,
    function: str = "",
) -> MetricSpec:
    """A row. ``strings`` are further spellings; the class name is always one."""
    form: Parameters | None = params(function) if function else None
    source = module if "." in module else _SOURCE + module
    spellings = (*strings.split(), name)
    return MetricSpec(name, family, source, params(signature), threshold, cut, spellings, form)


def _confusion(name: str, signature: str, strings: str) -> MetricSpec:
    """A metric of the confusion matrix, cut at ``thresholds`` (0.5 where left out)."""
    return _metric(
        name,
        Family.THRESHOLD,
        "confusion_metrics",
        f"{signature}, name=None, dtype=None",
        strings,
        threshold="thresholds",
        cut=0.5,
    )


def _sweep(name: str, first: str, strings: str) -> MetricSpec:
    """A metric that searches its threshold among ``num_thresholds`` cuts of [0, 1]."""
    signature = f"{first}, num_thresholds=200, class_id=None, name=None, dtype=None"
    return _metric(name, Family.THRESHOLD, "confusion_metrics", signature, strings)


def _mean(
    name: str, module: str, label: str, strings: str = "", *, function: str = "", more: str = ""
) -> MetricSpec:
    """A mean over samples of something that asks for no scale."""
    return _metric(
        name, Family.ANY, module, f"name='{label}', dtype=None{more}", strings or label, function=function
    )


METRICS: tuple[MetricSpec, ...] = (
    # Cut at a probability.
    _metric(
        "BinaryAccuracy",
        Family.THRESHOLD,
        "accuracy_metrics",
        "name='binary_accuracy', dtype=None, threshold=0.5",
        "binary_accuracy",
        threshold="threshold",
        cut=0.5,
        function=f"{_PAIR}, threshold=0.5",
    ),
    _metric(
        "BinaryIoU",
        Family.THRESHOLD,
        "iou_metrics",
        "target_class_ids=(0,1), threshold=0.5, name=None, dtype=None",
        "binary_io_u",
        threshold="threshold",
        cut=0.5,
    ),
    _confusion("Precision", "thresholds=None, top_k=None, class_id=None", "precision"),
    _confusion("Recall", "thresholds=None, top_k=None, class_id=None", "recall"),
    _confusion("TruePositives", "thresholds=None", "true_positives"),
    _confusion("TrueNegatives", "thresholds=None", "true_negatives"),
    _confusion("FalsePositives", "thresholds=None", "false_positives"),
    _confusion("FalseNegatives", "thresholds=None", "false_negatives"),
    # Cut at many probabilities.
    _metric(
        "AUC",
        Family.THRESHOLD,
        "confusion_metrics",
        "num_thresholds=200, curve='ROC', summation_method='interpolation', name=None, dtype=None, "
        "thresholds=None, multi_label=False, num_labels=None, label_weights=None, from_logits=False",
        "auc",
    ),
    _sweep("PrecisionAtRecall", "recall", "precision_at_recall"),
    _sweep("RecallAtPrecision", "precision", "recall_at_precision"),
    _sweep("SensitivityAtSpecificity", "specificity", "sensitivity_at_specificity"),
    _sweep("SpecificityAtSensitivity", "sensitivity", "specificity_at_sensitivity"),
    # Argmax unless a threshold is given.
    _metric(
        "F1Score",
        Family.THRESHOLD,
        "f_score_metrics",
        "average=None, threshold=None, name='f1_score', dtype=None",
        "f1_score",
        threshold="threshold",
    ),
    _metric(
        "FBetaScore",
        Family.THRESHOLD,
        "f_score_metrics",
        "average=None, beta=1.0, threshold=None, name='fbeta_score', dtype=None",
        "f_beta_score",
        threshold="threshold",
    ),
    # Cross-entropies.
    _metric(
        "BinaryCrossentropy",
        Family.BINARY,
        "probabilistic_metrics",
        "name='binary_crossentropy', dtype=None, from_logits=False, label_smoothing=0",
        "binary_crossentropy bce BCE",
        function=f"{_PAIR}, from_logits=False, label_smoothing=0.0, axis=-1",
    ),
    _metric(
        "CategoricalCrossentropy",
        Family.CATEGORICAL,
        "probabilistic_metrics",
        "name='categorical_crossentropy', dtype=None, from_logits=False, label_smoothing=0, axis=-1",
        "categorical_crossentropy",
        function=f"{_PAIR}, from_logits=False, label_smoothing=0.0, axis=-1",
    ),
    _metric(
        "SparseCategoricalCrossentropy",
        Family.CATEGORICAL,
        "probabilistic_metrics",
        "name='sparse_categorical_crossentropy', dtype=None, from_logits=False, ignore_class=None, axis=-1",
        "sparse_categorical_crossentropy",
        function=f"{_PAIR}, from_logits=False, ignore_class=None, axis=-1",
    ),
    # Argmax.
    _mean("CategoricalAccuracy", "accuracy_metrics", "categorical_accuracy", function=_PAIR),
    _mean("SparseCategoricalAccuracy", "accuracy_metrics", "sparse_categorical_accuracy", function=_PAIR),
    _metric(
        "TopKCategoricalAccuracy",
        Family.ANY,
        "accuracy_metrics",
        "k=5, name='top_k_categorical_accuracy', dtype=None",
        "top_k_categorical_accuracy",
        function=f"{_PAIR}, k=5",
    ),
    _metric(
        "SparseTopKCategoricalAccuracy",
        Family.ANY,
        "accuracy_metrics",
        "k=5, name='sparse_top_k_categorical_accuracy', dtype=None, from_sorted_ids=False",
        "sparse_top_k_categorical_accuracy",
        function=f"{_PAIR}, k=5, from_sorted_ids=False",
    ),
    _metric(
        "IoU",
        Family.ANY,
        "iou_metrics",
        "num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True, "
        "sparse_y_pred=True, axis=-1",
        "io_u",
    ),
    _metric(
        "MeanIoU",
        Family.ANY,
        "iou_metrics",
        "num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, "
        "axis=-1",
        "mean_io_u",
    ),
    _metric(
        "OneHotIoU",
        Family.ANY,
        "iou_metrics",
        "num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, "
        "axis=-1",
        "one_hot_io_u",
    ),
    _metric(
        "OneHotMeanIoU",
        Family.ANY,
        "iou_metrics",
        "num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1",
        "one_hot_mean_io_u",
    ),
    # Means and correlations. Accuracy compares labels with predicted labels.
    _mean("Accuracy", "accuracy_metrics", "accuracy"),
    _mean("CategoricalHinge", "hinge_metrics", "categorical_hinge", function=_PAIR),
    _mean("Hinge", "hinge_metrics", "hinge", function=_PAIR),
    _mean("SquaredHinge", "hinge_metrics", "squared_hinge", function=_PAIR),
    _mean("KLDivergence", "probabilistic_metrics", "kl_divergence", function=_PAIR),
    _mean("Poisson", "probabilistic_metrics", "poisson", function=_PAIR),
    _mean(
        "CosineSimilarity",
        "regression_metrics",
        "cosine_similarity",
        "cosine_similarity cosine_proximity",
        more=", axis=-1",
        function=f"{_PAIR}, axis=-1",
    ),
    _mean("LogCoshError", "regression_metrics", "logcosh", "log_cosh_error log_cosh logcosh"),
    _mean(
        "MeanAbsoluteError",
        "regression_metrics",
        "mean_absolute_error",
        "mean_absolute_error mae MAE",
        function=_PAIR,
    ),
    _mean(
        "MeanAbsolutePercentageError",
        "regression_metrics",
        "mean_absolute_percentage_error",
        "mean_absolute_percentage_error mape MAPE",
        function=_PAIR,
    ),
    _mean(
        "MeanSquaredError",
        "regression_metrics",
        "mean_squared_error",
        "mean_squared_error mse MSE",
        function=_PAIR,
    ),
    _mean(
        "MeanSquaredLogarithmicError",
        "regression_metrics",
        "mean_squared_logarithmic_error",
        "mean_squared_logarithmic_error msle MSLE",
        function=_PAIR,
    ),
    _mean("RootMeanSquaredError", "regression_metrics", "root_mean_squared_error"),
    _metric(
        "R2Score",
        Family.ANY,
        "regression_metrics",
        "class_aggregation='uniform_average', num_regressors=0, name='r2_score', dtype=None",
        "r2_score",
    ),
    _metric(
        "ConcordanceCorrelation",
        Family.ANY,
        "correlation_metrics",
        "name='concordance_correlation', dtype=None, axis=-1",
        "concordance_correlation",
        function=f"{_PAIR}, axis=-1",
    ),
    _metric(
        "PearsonCorrelation",
        Family.ANY,
        "correlation_metrics",
        "name='pearson_correlation', dtype=None, axis=-1",
        "pearson_correlation",
        function=f"{_PAIR}, axis=-1",
    ),
    _mean("Mean", "reduction_metrics", "mean"),
    _mean("Sum", "reduction_metrics", "sum"),
    # tf_keras only.
    _metric(
        "MeanRelativeError",
        Family.ANY,
        "tf_keras.src.metrics.regression_metrics",
        "normalizer, name=None, dtype=None",
    ),
    _metric(
        "MeanTensor",
        Family.ANY,
        "tf_keras.src.metrics.base_metric",
        "name='mean_tensor', dtype=None, shape=None",
    ),
)

# Losses that ``keras.metrics`` exports as functions and that have no metric class.
_FOCAL: tuple[tuple[str, MetricSpec], ...] = (
    (
        "binary_focal_crossentropy",
        MetricSpec(
            "BinaryFocalCrossentropy",
            Family.BINARY,
            "keras.src.losses.losses",
            params(""),
            function=params(
                f"{_PAIR}, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, "
                "label_smoothing=0.0, axis=-1"
            ),
        ),
    ),
    (
        "categorical_focal_crossentropy",
        MetricSpec(
            "CategoricalFocalCrossentropy",
            Family.CATEGORICAL,
            "keras.src.losses.losses",
            params(""),
            function=params(
                f"{_PAIR}, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1"
            ),
        ),
    ),
)

_CLASSES: dict[str, MetricSpec] = {f"keras.metrics.{spec.name}": spec for spec in METRICS}
_STRINGS: dict[str, MetricSpec] = {alias: spec for spec in METRICS for alias in spec.strings}
_FUNCTIONS: dict[str, MetricSpec] = {
    **{f"keras.metrics.{alias}": spec for spec in METRICS if spec.function for alias in spec.strings[:-1]},
    **{f"keras.metrics.{name}": spec for name, spec in _FOCAL},
}
_ACCURACY = frozenset({"accuracy", "acc"})
_ARGMAX = frozenset({"F1Score", "FBetaScore"})


def metric_class(canonical: str) -> MetricSpec | None:
    """The row of a metric class, by canonical name (``keras.metrics.AUC``)."""
    return _CLASSES.get(canonical)


def metric_function(canonical: str) -> MetricSpec | None:
    """The row of a metric's function form, by canonical name (``keras.metrics.binary_accuracy``)."""
    return _FUNCTIONS.get(canonical)


def focal_metric(name: str) -> MetricSpec | None:
    """The row of a focal loss that is used as a metric, by its class name."""
    return next((spec for _, spec in _FOCAL if spec.name == name), None)


def metric_string(alias: str) -> MetricSpec | None:
    """The row of a string given to ``metrics=[...]``; case counts.

    ``"accuracy"`` is answered by :func:`is_accuracy_string` first: Keras picks it by shape.
    """
    return _STRINGS.get(alias)


def is_accuracy_string(alias: str) -> bool:
    """Whether ``compile`` picks the accuracy by the shapes of labels and output.

    One unit: BinaryAccuracy; else an argmax. Source: keras.src.trainers.compile_utils, where
    case does not count.
    """
    return alias.lower() in _ACCURACY


_CLASS_NUMBERS = frozenset(
    {
        "SparseCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy",
        "SparseCategoricalCrossentropy",
        "IoU",
        "MeanIoU",
    }
)
_NO_LABELS = frozenset({"Accuracy", "Mean", "MeanTensor", "Sum"})
"""Metrics of values, or of labels beside predicted labels."""


def takes_class_numbers(name: str) -> bool | None:
    """Whether a metric class takes class numbers (True) or labels of the output's shape (False).

    None where it is not told the labels of an output, or is none of Keras.
    """
    if name in _NO_LABELS or metric_class(f"keras.metrics.{name}") is None:
        return None
    return name in _CLASS_NUMBERS


def is_argmax(spec: MetricSpec, threshold: object = None) -> bool:
    """Whether the metric takes an argmax: F1Score and FBetaScore, unless given a threshold."""
    return spec.name in _ARGMAX and threshold is None
