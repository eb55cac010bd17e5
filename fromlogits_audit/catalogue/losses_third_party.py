"""Losses of libraries on top of Keras: which scale they take, and where ``from_logits`` stands.

Nothing here is checked against an installed package: each row names the source it was read from.
What takes probabilities and has no flag is one family, whether it cuts classes apart or not, and
what compares embeddings or boxes asks for no scale at all.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec
from fromlogits_audit.catalogue.rows import params
from fromlogits_audit.ir import Family

_ADDONS = "tensorflow_addons"
_ADDONS_SOURCE = "tensorflow_addons 0.23 losses/"
_CV = "keras_cv"
_CV_SOURCE = "keras_cv 0.10 losses/"
_FOCAL = "focal_loss"
_FOCAL_SOURCE = "focal-loss 0.0.8 src/focal_loss/"
_SM = "segmentation_models"
_SM_SOURCE = "segmentation_models 1.0 segmentation_models/losses.py"


def _row(
    home: str, name: str, family: Family, source: str, signature: str = "", *, sparse: bool | None = None
) -> tuple[str, LossSpec]:
    """A class, by canonical name. A cross-entropy here is a focal one."""
    focal = family in (Family.BINARY, Family.CATEGORICAL)
    spec = LossSpec(f"custom:{name}", family, source, params(signature), sparse, focal)
    return f"{home}.{name}", spec


def _addons(name: str, family: Family, module: str, signature: str) -> tuple[str, LossSpec]:
    return _row(f"{_ADDONS}.losses", name, family, _ADDONS_SOURCE + module, signature)


def _cv(name: str, module: str, signature: str = "", family: Family = Family.ANY) -> tuple[str, LossSpec]:
    return _row(f"{_CV}.losses", name, family, _CV_SOURCE + module, signature)


def _segmentation(name: str, signature: str = "") -> tuple[str, LossSpec]:
    return _row(f"{_SM}.losses", name, Family.PROBABILITY, _SM_SOURCE, signature)


_REDUCED = "reduction='none', name=None"
_WEIGHED = "class_weights=None, class_indexes=None, per_image=False, smooth=1e-5"

CLASSES: dict[str, LossSpec] = dict(
    (
        _addons(
            "SigmoidFocalCrossEntropy",
            Family.BINARY,
            "focal_loss.py",
            "from_logits=False, alpha=0.25, gamma=2.0, reduction='none', name='sigmoid_focal_crossentropy'",
        ),
        _addons(
            "WeightedKappaLoss",
            Family.PROBABILITY,
            "kappa_loss.py",
            "num_classes, weightage='quadratic', name='cohen_kappa_loss', epsilon=1e-6, reduction='none'",
        ),
        _addons("ContrastiveLoss", Family.ANY, "contrastive.py", f"margin=1.0, {_REDUCED}"),
        _addons("GIoULoss", Family.ANY, "giou_loss.py", f"mode='giou', {_REDUCED}"),
        _addons("LiftedStructLoss", Family.ANY, "lifted.py", "margin=1.0, name=None"),
        _addons("NpairsLoss", Family.ANY, "npairs.py", "name='npairs_loss'"),
        _addons("NpairsMultilabelLoss", Family.ANY, "npairs.py", "name='npairs_multilabel_loss'"),
        _addons("PinballLoss", Family.ANY, "quantiles.py", f"tau=0.5, {_REDUCED}"),
        _addons(
            "TripletSemiHardLoss", Family.ANY, "triplet.py", "margin=1.0, distance_metric='L2', name=None"
        ),
        _addons(
            "TripletHardLoss",
            Family.ANY,
            "triplet.py",
            "margin=1.0, soft=False, distance_metric='L2', name=None",
        ),
        _row(
            _FOCAL,
            "BinaryFocalLoss",
            Family.BINARY,
            f"{_FOCAL_SOURCE}_binary_focal_loss.py",
            "gamma, pos_weight=None, from_logits=False, label_smoothing=None",
        ),
        _row(
            _FOCAL,
            "SparseCategoricalFocalLoss",
            Family.CATEGORICAL,
            f"{_FOCAL_SOURCE}_categorical_focal_loss.py",
            "gamma, class_weight=None, from_logits=False",
            sparse=True,
        ),
        _cv(
            "FocalLoss",
            "focal.py",
            "alpha=0.25, gamma=2, from_logits=False, label_smoothing=0",
            Family.BINARY,
        ),
        _cv("CenterNetBoxLoss", "centernet_box_loss.py", "num_heading_bins, anchor_size"),
        _cv("CIoULoss", "ciou_loss.py", "bounding_box_format, eps=1e-7"),
        _cv("GIoULoss", "giou_loss.py", "bounding_box_format, axis=-1"),
        _cv("IoULoss", "iou_loss.py", "bounding_box_format, mode='log', axis=-1"),
        _cv("SimCLRLoss", "simclr_loss.py", "temperature"),
        _cv("SmoothL1Loss", "smooth_l1.py", "l1_cutoff=1.0"),
        _segmentation("JaccardLoss", _WEIGHED),
        _segmentation("DiceLoss", f"beta=1, {_WEIGHED}"),
        _segmentation("BinaryCELoss"),
        _segmentation("CategoricalCELoss", "class_weights=None, class_indexes=None"),
        _segmentation("BinaryFocalLoss", "alpha=0.25, gamma=2.0"),
        _segmentation("CategoricalFocalLoss", "alpha=0.25, gamma=2.0, class_indexes=None"),
    )
)
"""By canonical name."""


def _function(owner: str, name: str, signature: str) -> LossFunctionSpec:
    """The function beside a class; its first two parameters are labels and predictions."""
    spec, parameters = CLASSES[owner], params(signature)
    labels, predictions = parameters.names[:2]
    return LossFunctionSpec(
        f"{owner.rpartition('.')[0]}.{name}", spec, parameters, labels, predictions, spec.source
    )


_TWO = "y_true, y_pred"

_ROWS: tuple[LossFunctionSpec, ...] = (
    _function(
        f"{_ADDONS}.losses.SigmoidFocalCrossEntropy",
        "sigmoid_focal_crossentropy",
        f"{_TWO}, alpha=0.25, gamma=2.0, from_logits=False",
    ),
    _function(f"{_ADDONS}.losses.ContrastiveLoss", "contrastive_loss", f"{_TWO}, margin=1.0"),
    _function(f"{_ADDONS}.losses.GIoULoss", "giou_loss", f"{_TWO}, mode='giou'"),
    _function(f"{_ADDONS}.losses.PinballLoss", "pinball_loss", f"{_TWO}, tau=0.5"),
    _function(
        f"{_FOCAL}.BinaryFocalLoss",
        "binary_focal_loss",
        f"{_TWO}, gamma, pos_weight=None, from_logits=False, label_smoothing=None",
    ),
    _function(
        f"{_FOCAL}.SparseCategoricalFocalLoss",
        "sparse_categorical_focal_loss",
        f"{_TWO}, gamma, class_weight=None, from_logits=False, axis=-1",
    ),
    # Instances that the module holds; a sum stands for its first term, as all take probabilities.
    *(
        _function(f"{_SM}.losses.{owner}", name, "gt, pr")
        for owner, names in {
            "JaccardLoss": "jaccard_loss",
            "DiceLoss": "dice_loss",
            "BinaryCELoss": "binary_crossentropy bce_dice_loss bce_jaccard_loss",
            "CategoricalCELoss": "categorical_crossentropy cce_dice_loss cce_jaccard_loss",
            "BinaryFocalLoss": "binary_focal_loss binary_focal_dice_loss binary_focal_jaccard_loss",
            "CategoricalFocalLoss": (
                "categorical_focal_loss categorical_focal_dice_loss categorical_focal_jaccard_loss"
            ),
        }.items()
        for name in names.split()
    ),
)

FUNCTIONS: dict[str, LossFunctionSpec] = {spec.name: spec for spec in _ROWS}
"""By canonical name."""
