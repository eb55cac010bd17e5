"""Data sets that come ready (``keras.datasets``, folders, ``tfds``, records), and how they encode labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.datasets import CIFAR100_MODES, KERAS, MODES, SKLEARN, SKLEARN_COUNTS, TFDS
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.shapes import dims, number
from fromlogits_audit.interp.keras_values import data_tensor
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    Const,
    DictV,
    Entries,
    IterV,
    ListV,
    TupleV,
    Value,
)
from fromlogits_audit.ir import LabelEncoding, Labels, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_DIRECTORY = ("image_dataset_from_directory", "text_dataset_from_directory", "audio_dataset_from_directory")
_PARSERS = (
    "tf.io.parse_single_example",
    "tf.io.parse_example",
    "tf.parse_single_example",
    "tf.parse_example",
)
FEATURE = "fixed-length feature"
BUILDER = "tfds builder"
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
    if short == "load_data" and module in KERAS:
        return _loaded(module, args)
    if short in _DIRECTORY:
        return _directory(run, args)
    if name.startswith("tensorflow_datasets."):
        return _tfds(run, short, args)
    if name in SKLEARN:
        return _toy(name, args)
    if name == "pandas.factorize":
        return TupleV((data_tensor(None, Labels(LabelEncoding.INTEGER), "codes"), data_tensor()))
    if name in _PARSERS:
        return _parsed(run, args)
    if short == "timeseries_dataset_from_array":
        targets = args.get(1, "targets")
        data = data_tensor(what="a window of a series")
        return IterV(data if targets is None or _is(targets, None) else TupleV((data, targets)), "dataset")
    if name in _FILES:
        return IterV(run.state.fresh(Why.RUNTIME, "an element of a data set"), "dataset")
    return None


def _is(value: Value | None, plain: object) -> bool:
    return isinstance(value, Const) and value.value is plain


def class_numbers(count: int | None) -> Labels:
    """Class numbers from 0; those of two classes are 0/1 labels."""
    return Labels(LabelEncoding.BINARY if count == 2 else LabelEncoding.INTEGER, count)


def _loaded(module: str, args: Args) -> Value:
    size: int | None = KERAS[module]
    mode = args.get(0, "label_mode")
    if module.endswith("cifar100") and mode is not None:
        size = CIFAR100_MODES.get(mode.value) if isinstance(mode, Const) else None
    pair = TupleV((data_tensor(what="images"), data_tensor(None, class_numbers(size), "labels")))
    return TupleV((pair, pair))


def _toy(name: str, args: Args) -> Value:
    """``load_iris(return_X_y=False)`` gives a bunch, ``make_moons(...)`` a pair."""
    size, counted = SKLEARN[name], SKLEARN_COUNTS.get(name)
    if counted is not None and counted in args.keywords:
        size = number(args.keywords[counted])
    elif counted is not None and (len(args.positional) > 1 or args.star or args.double):
        size = None
    features, labels = data_tensor(what="features"), data_tensor(None, class_numbers(size), "labels")
    if ".make_" in name or _is(args.keywords.get("return_X_y"), True):
        return TupleV((features, labels))
    return BagV("namespace", data=features, target=labels)


def _parsed(run: Run, args: Args) -> Value | None:
    """``tf.io.parse_single_example(record, features)``: one whole number of a record is no one-hot row."""
    asked = content_of(run, args.get(1, "features") or NONE)
    if not isinstance(asked, Entries):
        return None
    items = {key: (name, _feature(run, value)) for key, (name, value) in asked.items.items()}
    return DictV(items, asked.open)


def _feature(run: Run, feature: Value) -> Value:
    if not isinstance(feature, BagV) or feature.kind != FEATURE:
        return run.state.fresh(Why.RUNTIME, "a feature of a record")
    sizes = dims(run, feature.slots["shape"])
    whole = getattr(feature.slots["dtype"], "name", "").endswith((".int64", ".int32"))
    return data_tensor(None, Labels(LabelEncoding.INTEGER) if whole and sizes == () else None, "a feature")


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


# -- tensorflow_datasets ---------------------------------------------------------------------------
def _tfds(run: Run, short: str, args: Args) -> Value | None:
    if short == "as_numpy":
        return args.get(0, "dataset")
    title = args.get(0, "name")
    text = title.value if isinstance(title, Const) and isinstance(title.value, str) else ""
    if short not in ("load", "builder") or text.partition(":")[0] not in TFDS:
        return None
    classes = TFDS[text.partition(":")[0]]
    if short == "builder":
        return BagV(BUILDER, info=_info(classes), classes=Const(classes))
    data = tfds_data(run, classes, args, 1)
    info = args.keywords.get("with_info")
    if not isinstance(info, Const) and info is not None:
        return None
    return TupleV((data, _info(classes))) if info is not None and info.value else data


def _info(classes: int) -> BagV:
    """``info.features["label"].num_classes``."""
    label = BagV("namespace", num_classes=Const(classes))
    return BagV("namespace", features=DictV({"label": (Const("label"), label)}, True))


def tfds_data(run: Run, classes: int, args: Args, split_at: int) -> Value:
    """``load(name, split=None, as_supervised=False, batch_size=None)``, or ``as_dataset`` of a builder."""
    images, labels = data_tensor(what="images or texts"), data_tensor(None, class_numbers(classes), "labels")
    supervised = args.keywords.get("as_supervised")
    whole = args.keywords.get("batch_size")
    if _is(supervised, True):
        element: Value = TupleV((images, labels))
    elif supervised is None or _is(supervised, False):
        keys = {"image": images, "text": images, "label": labels}
        element = DictV({key: (Const(key), value) for key, value in keys.items()}, True)
    else:
        return run.state.fresh(Why.RUNTIME, "as_supervised")
    at_once = number(whole) == -1 if whole is not None else False
    data = element if at_once else IterV(element, "dataset")
    return _splits(run, args.get(split_at, "split") or NONE, data)


def _splits(run: Run, split: Value, data: Value) -> Value:
    """One data set for each split that is asked for; all of them by name without a split."""
    content = content_of(run, split) if isinstance(split, (ListV, TupleV)) else split
    if isinstance(content, TupleV):
        return ListV(tuple(data for _ in content.items), content.open)
    if isinstance(content, Const) and content.value is None:
        return DictV({key: (Const(key), data) for key in ("train", "test")}, True)
    return data
