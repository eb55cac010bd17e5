"""Data sets that come ready: ``keras.datasets``, folders of files, ``tfds``, and how they encode labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.encoders import MODES
from fromlogits_audit.interp.keras_values import data_tensor
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    IterV,
    ListV,
    TupleV,
    Value,
)
from fromlogits_audit.ir import LabelEncoding, Labels, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_LOADED = {
    "keras.datasets.mnist": Labels(LabelEncoding.INTEGER, 10),
    "keras.datasets.fashion_mnist": Labels(LabelEncoding.INTEGER, 10),
    "keras.datasets.cifar10": Labels(LabelEncoding.INTEGER, 10),
    "keras.datasets.cifar100": Labels(LabelEncoding.INTEGER, 100),
    "keras.datasets.reuters": Labels(LabelEncoding.INTEGER, 46),
    "keras.datasets.imdb": Labels(LabelEncoding.BINARY, 2),
}
"""How ``load_data()`` encodes the labels (keras.io/api/datasets)."""
_CATALOGUED = {"mnist": 10, "fashion_mnist": 10, "kmnist": 10, "cifar10": 10, "cifar100": 100}
"""Classes of the sets of tensorflow.org/datasets/catalog whose supervised label is a ClassLabel."""
_DIRECTORY = ("image_dataset_from_directory", "text_dataset_from_directory", "audio_dataset_from_directory")
_FILES = (
    "tf.data.TFRecordDataset",
    "tf.data.TextLineDataset",
    "tf.data.FixedLengthRecordDataset",
    "tf.data.Dataset.list_files",
    "tf.data.Dataset.range",
    "tf.data.Dataset.random",
)


def read(run: Run, name: str, args: Args) -> Value | None:
    """What a function that reads a data set gives, None for others."""
    module, _, short = name.rpartition(".")
    if short == "load_data" and module in _LOADED:
        return _loaded(module, args)
    if short in _DIRECTORY:
        return _directory(run, args)
    if name == "tensorflow_datasets.load":
        return _catalogued(run, args)
    if name in _FILES:
        return IterV(run.state.fresh(Why.RUNTIME, "an element of a data set"), "dataset")
    return None


def _loaded(module: str, args: Args) -> Value:
    labels: Labels | None = _LOADED[module]
    mode = args.get(0, "label_mode")
    if module.endswith("cifar100") and mode is not None:
        sizes = {"fine": 100, "coarse": 20}
        size = sizes.get(mode.value) if isinstance(mode, Const) else None
        labels = Labels(LabelEncoding.INTEGER, size)
    pair = TupleV((data_tensor(what="images"), data_tensor(None, labels, "labels")))
    return TupleV((pair, pair))


def _directory(run: Run, args: Args) -> Value:
    """``..._dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None)``."""
    files = data_tensor(what="images or texts")
    mode = args.get(2, "label_mode") or Const("int")
    bare = [v for v in (args.get(1, "labels"), mode) if isinstance(v, Const) and v.value is None]
    known = MODES.get(mode.value) if isinstance(mode, Const) else None
    labels = Labels(known, _length(run, args.get(3, "class_names"))) if known is not None else None
    made = IterV(files if bare else TupleV((files, data_tensor(None, labels, "labels"))), "dataset")
    subset = args.keywords.get("subset")
    return TupleV((made, made)) if isinstance(subset, Const) and subset.value == "both" else made


def _length(run: Run, names: Value | None) -> int | None:
    content = content_of(run, names) if isinstance(names, (ListV, TupleV)) else None
    return len(content.items) if isinstance(content, TupleV) and not content.open else None


def _catalogued(run: Run, args: Args) -> Value | None:
    """``tfds.load(name, split=None, as_supervised=False, with_info=False)``."""
    name = args.get(0, "name")
    title = name.value.partition(":")[0] if isinstance(name, Const) and isinstance(name.value, str) else ""
    classes = _CATALOGUED.get(title)
    supervised = args.keywords.get("as_supervised")
    if classes is None or not (isinstance(supervised, Const) and supervised.value is True):
        return None
    element = TupleV((data_tensor(what="images"), data_tensor(None, Labels(LabelEncoding.INTEGER, classes))))
    data = _splits(run, args.get(1, "split") or NONE, IterV(element, "dataset"))
    info = args.keywords.get("with_info")
    if not isinstance(info, Const) and info is not None:
        return None
    return TupleV((data, run.state.fresh(Why.RUNTIME, "info"))) if info is not None and info.value else data


def _splits(run: Run, split: Value, data: IterV) -> Value:
    """One data set for each split that is asked for; all of them by name without a split."""
    content = content_of(run, split) if isinstance(split, (ListV, TupleV)) else split
    if isinstance(content, TupleV):
        return ListV(tuple(data for _ in content.items), content.open)
    if isinstance(content, Const) and content.value is None:
        return DictV({key: (Const(key), data) for key in ("train", "test")}, True)
    return data
