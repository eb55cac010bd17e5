"""Labels and data sets: how y_true is written, as far as the code says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import find_member
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras.shapes import number
from fromlogits_audit.interp.keras_values import TensorV, data_tensor
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    Entries,
    Hop,
    InstanceV,
    IterV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import LabelEncoding, Labels, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_DATASETS = {
    "keras.datasets.mnist": 10, "keras.datasets.fashion_mnist": 10, "keras.datasets.cifar10": 10,
    "keras.datasets.cifar100": 100, "keras.datasets.reuters": 46,
}  # fmt: skip
"""Integer labels 0 to K - 1; imdb's 0/1 labels fit one unit as well as two and are left open."""

_DIRECTORY = ("image_dataset_from_directory", "text_dataset_from_directory", "audio_dataset_from_directory")
_PASSING = frozenset(
    [
        "shuffle",
        "batch",
        "prefetch",
        "cache",
        "repeat",
        "take",
        "skip",
        "with_options",
        "unbatch",
        "padded_batch",
        "shard",
        "filter",
        "ragged_batch",
        "apply",
        "snapshot",
        "as_numpy_iterator",
        "get_single_element",
        "ignore_errors",
        "rebatch",
    ]
)
_MODES = {
    "int": LabelEncoding.INTEGER, "sparse": LabelEncoding.INTEGER, "categorical": LabelEncoding.ONE_HOT,
    "binary": LabelEncoding.BINARY,
}  # fmt: skip


_STEPS = ("train_step", "compute_loss", "test_step")


class Data:
    """What data functions give. All methods return None for what they don't know."""

    def call_external(self, run: Run, name: str, args: Args, place: Place | None) -> Value | None:
        short = name.rpartition(".")[2]
        if short == "load_data" and name.rpartition(".")[0] in _DATASETS:
            return _loaded(_DATASETS[name.rpartition(".")[0]], place)
        if short == "to_categorical":
            return _encoded(
                args, LabelEncoding.ONE_HOT, number(args.get(1, "num_classes")), place, "to_categorical"
            )
        if short in _DIRECTORY:
            return _directory(args, place, short)
        if name == "pandas.get_dummies":
            return _encoded(args, LabelEncoding.ONE_HOT, None, place, "get_dummies")
        if name == "sklearn.model_selection.train_test_split":
            return _split(run, args)
        if name.startswith("tf.data.Dataset.") or name in ("tf.data.Dataset.zip",):
            return self._dataset(run, short, args)
        return None

    def flow(self, args: Args, place: Place | None) -> Value:
        """``generator.flow_from_directory(...)``: one-hot labels unless ``class_mode`` says otherwise."""
        mode = args.keywords.get("class_mode", Const("categorical"))
        labels = Labels(_MODES[mode.value]) if isinstance(mode, Const) and mode.value in _MODES else None
        return IterV(TupleV((data_tensor(what="images"), data_tensor(None, labels))), "dataset")

    def _dataset(self, run: Run, short: str, args: Args) -> Value | None:
        if short in ("from_tensor_slices", "from_tensors") and args.positional:
            return IterV(content_of(run, args.positional[0]), "dataset")
        if short == "zip" and args.positional:
            parts = spread(run, args.positional[0]) if len(args.positional) == 1 else TupleV(args.positional)
            if isinstance(parts, TupleV):
                return IterV(
                    TupleV(tuple(p.element if isinstance(p, IterV) else p for p in parts.items)), "dataset"
                )
        return None

    def call_method(
        self, run: Run, dataset: IterV, name: str, args: Args, place: Place | None
    ) -> Value | None:
        """A method of a data set."""
        if name in _PASSING:
            return dataset
        if name in ("map", "flat_map", "interleave") and args.positional:
            return IterV(_mapped(run, dataset.element, args.positional[0], place), "dataset")
        if name in ("next", "__next__", "get_next", "__iter__"):
            return dataset.element
        if name == "enumerate":
            return IterV(TupleV((run.state.fresh(Why.RUNTIME, "a counter"), dataset.element)), "dataset")
        return None

    def new_tensor(self, run: Run, name: str, args: Args) -> Value:
        """A tensor made from nothing that has a scale: zeros, random numbers, one-hot rows."""
        short = name.rpartition(".")[2]
        if short in ("eye", "identity"):
            size = number(args.get(0, "N"))
            return data_tensor((size, size), Labels(LabelEncoding.ONE_HOT, size))
        if short == "one_hot":
            classes = number(args.get(1, "depth") or args.keywords.get("num_classes"))
            return data_tensor(None, Labels(LabelEncoding.ONE_HOT, classes))
        if short == "randint" and name.startswith("numpy."):
            high = number(args.get(1, "high"))
            low = number(args.get(0, "low"))
            return data_tensor(None, Labels(LabelEncoding.INTEGER, high if low == 0 else None))
        return data_tensor(what="a tensor made from constants")

    def fit(self, run: Run, model: Value, args: Args) -> None:
        """``fit``/``evaluate``: the labels reach the losses of the last compile.

        Not where the project's own step stands between: it may encode them anew.
        """
        if isinstance(model, InstanceV) and any(find_member(model.cls, name) for name in _STEPS):
            return
        labels = args.get(1, "y")
        source = args.get(0, "x")
        if (
            isinstance(source, IterV)
            and isinstance(source.element, TupleV)
            and len(source.element.items) >= 2
        ):
            labels = source.element.items[1]
        for _, option in alternatives(labels if labels is not None else NONE, run.state.guard):
            if isinstance(option, TensorV) and option.labels is not None:
                run.recorder.note_labels(model, option.labels)


def _loaded(classes: int, place: Place | None) -> Value:
    pair = TupleV((data_tensor(what="images"), data_tensor(None, Labels(LabelEncoding.INTEGER, classes))))
    return TupleV((pair, pair))


def _encoded(
    args: Args, encoding: LabelEncoding, classes: int | None, place: Place | None, what: str
) -> Value:
    hops = (Hop(place, what),) if place is not None else ()
    return replace(data_tensor(None, Labels(encoding, classes)), trace=hops)


def _directory(args: Args, place: Place | None, short: str) -> Value:
    mode = args.get(2, "label_mode") or Const("int")
    labels = None
    if isinstance(mode, Const) and mode.value in _MODES:
        labels = Labels(_MODES[mode.value], None)
    return IterV(TupleV((data_tensor(what="images or texts"), data_tensor(None, labels))), "dataset")


def _split(run: Run, args: Args) -> Value:
    parts: list[Value] = []
    for value in args.positional:
        parts += [value, value]
    return ListV(tuple(parts))


def _mapped(run: Run, element: Value, function: Value, place: Place | None) -> Value:
    content = content_of(run, element)
    arguments = content.items if isinstance(content, TupleV) else (element,)
    if isinstance(content, Entries):
        arguments = (element,)
    result = run.call(function, Args(arguments), place)
    return data_tensor() if isinstance(result, Unknown) else content_of(run, result)
