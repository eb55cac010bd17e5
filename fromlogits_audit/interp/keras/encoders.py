"""Encoders of labels outside of Keras (scikit-learn, pandas), and generators that yield labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.datasets import MODES
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import sources
from fromlogits_audit.interp.keras.labels import distinct, drawn
from fromlogits_audit.interp.keras.shapes import number
from fromlogits_audit.interp.keras_values import DRAWN, TensorV, data_tensor
from fromlogits_audit.interp.ordering import shuffled
from fromlogits_audit.interp.values import NONE, Args, BagV, Const, IterV, ListV, TupleV, Value
from fromlogits_audit.ir import LabelEncoding, Labels

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_SKLEARN = "sklearn.preprocessing."
_BINARIZER = _SKLEARN + "LabelBinarizer"
_ENCODERS = (_BINARIZER, _SKLEARN + "LabelEncoder", _SKLEARN + "OneHotEncoder")
_GENERATOR = "keras.preprocessing.image.ImageDataGenerator"
_RANDOM = {"numpy.random.default_rng": "integers", "numpy.random.RandomState": "randint"}
_FEATURES = ("tf.io.FixedLenFeature", "tf.FixedLenFeature")
_GIVING = ("fit_transform", "transform")

_FLOWS = {"flow_from_directory": 4, "flow_from_dataframe": 8}
"""The position of ``class_mode``."""
_DEPTH = 8


def make(name: str, args: Args) -> Value | None:
    """An encoder or generator object, None for other names."""
    if name in _ENCODERS:
        if name.endswith("OneHotEncoder") and "drop" in args.keywords:
            return None
        return BagV(name)
    if name in _FEATURES:
        return BagV(sources.FEATURE, shape=args.get(0, "shape") or NONE, dtype=args.get(1, "dtype") or NONE)
    return BagV(name) if name == _GENERATOR or name in _RANDOM else None


def call_method(run: Run, receiver: BagV, name: str, args: Args) -> Value | None:
    """A method of such an object; None where it yields no labels."""
    if receiver.kind in _ENCODERS:
        return _encoded(run, receiver, name, args)
    if receiver.kind == _GENERATOR:
        return flow(run, name, args)
    if receiver.kind == sources.BUILDER and name == "as_dataset":
        return sources.tfds_data(run, number(receiver.slots["classes"]) or 0, args, 0)
    if _RANDOM.get(receiver.kind) == name:
        low, high = args.get(0, "low"), args.get(1, "high")
        return drawn(run, low if high is not None else None, high or low, args.get(2, "size"))
    if receiver.kind not in _RANDOM:
        return None
    return (shuffled(run, args, None) if name == "shuffle" else None) or TensorV(reason=DRAWN)


# -- scikit-learn ----------------------------------------------------------------------------------
def _encoded(run: Run, encoder: BagV, name: str, args: Args) -> Value | None:
    given = args.get(0, "y") or args.get(0, "X")
    if name == "fit":
        _learn(run, encoder, given)
        return encoder
    if name not in _GIVING:
        return None
    if name == "fit_transform":
        _learn(run, encoder, given)
    size = encoder.slots.get("size")
    classes = size.value if isinstance(size, Const) else None
    made = data_tensor(None, _labels(encoder.kind, classes), "encoded labels")
    return replace(made, parents=(encoder,)) if encoder.kind == _BINARIZER and classes is None else made


def _learn(run: Run, encoder: BagV, given: Value | None) -> None:
    """How many classes an encoder has seen, where that is known."""
    classes = distinct(run, given)
    if isinstance(given, TensorV) and given.labels is not None:
        classes = given.labels.classes
    if classes is not None:
        run.state.write(encoder, "size", Const(classes))


def _labels(kind: str, classes: int | None) -> Labels:
    """``LabelBinarizer`` makes one 0/1 column of two classes, and one-hot rows of more."""
    if kind.endswith("LabelEncoder"):
        return Labels(LabelEncoding.INTEGER, classes)
    if kind == _BINARIZER and classes is not None and classes <= 2:
        return Labels(LabelEncoding.BINARY, 2)
    return Labels(LabelEncoding.ONE_HOT, classes)


def one_column_of_two(value: Value, depth: int = _DEPTH) -> bool:
    """Whether these labels are one-hot rows only where there are more than two classes."""
    if isinstance(value, BagV):
        return value.kind == _BINARIZER
    parents = value.parents if isinstance(value, TensorV) and depth else ()
    return any(one_column_of_two(parent, depth - 1) for parent in parents)


# -- ImageDataGenerator ----------------------------------------------------------------------------
def flow(run: Run, name: str, args: Args) -> Value | None:
    """``flow``, ``flow_from_directory``, ``flow_from_dataframe``: pairs of images and labels."""
    images = data_tensor(what="images")
    if name == "flow":
        labels = args.get(1, "y")
        return IterV(TupleV((images, labels)) if labels is not None else images, "dataset")
    if name not in _FLOWS:
        return None
    mode = args.get(_FLOWS[name], "class_mode") or Const("categorical")
    if isinstance(mode, Const) and mode.value is None:
        return IterV(images, "dataset")
    known = MODES.get(mode.value) if isinstance(mode, Const) else None
    classes = _length(run, args.get(_FLOWS[name] - 1, "classes"))
    found = Labels(known, classes) if known is not None else None
    return IterV(TupleV((images, data_tensor(None, found, "labels"))), "dataset")


def _length(run: Run, names: Value | None) -> int | None:
    content = content_of(run, names) if isinstance(names, (ListV, TupleV)) else None
    return len(content.items) if isinstance(content, TupleV) and not content.open else None
