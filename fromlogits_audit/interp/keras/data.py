"""Labels and data sets: how y_true is written, as far as the code says, and which losses it reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.ops import op
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import external_bases, find_member
from fromlogits_audit.interp.errands import prepare
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras import callbacks, encoders, sources
from fromlogits_audit.interp.keras.compiling import HEADS
from fromlogits_audit.interp.keras.labels import counted, drawn, of_literal, one_hot, some_of
from fromlogits_audit.interp.keras.shapes import Dims, dims
from fromlogits_audit.interp.keras_values import CONSTANTS, NORMAL, TensorV, data_tensor
from fromlogits_audit.interp.ordering import shuffled
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BoundV,
    Const,
    Entries,
    ExternalV,
    FuncV,
    Hop,
    InstanceV,
    IterV,
    ListV,
    Obj,
    PartialV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import LabelEncoding, Labels, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

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
        "ragged_batch",
        "snapshot",
        "as_numpy_iterator",
        "get_single_element",
        "ignore_errors",
        "rebatch",
    ]
)
_TRANSFORMS = frozenset(
    ["assert_cardinality", "ignore_errors", "prefetch_to_device", "shuffle_and_repeat", "unbatch", "unique"]
)
"""What ``apply`` may be given that leaves the examples as they are."""
_STEPS = ("train_step", "compute_loss", "test_step")
_SEQUENCES = ("keras.utils.Sequence", "keras.utils.PyDataset")


def _unseen(run: Run) -> Value:
    return run.state.fresh(Why.EXTERNAL, "a transformation of a data set")


class Data:
    """What data functions give. All methods return None for what they don't know."""

    def call_external(self, run: Run, name: str, args: Args, place: Place | None) -> Value | None:
        short = name.rpartition(".")[2]
        if short == "to_categorical":
            return _one_hot(args.get(1, "num_classes"), place, short)
        if name == "pandas.get_dummies":
            whole = "columns" in args.keywords or "drop_first" in args.keywords
            return data_tensor() if whole else _one_hot(None, place, short)
        if name == "sklearn.preprocessing.label_binarize":
            return _binarized(run, args, place)
        if name == "sklearn.model_selection.train_test_split":
            return _split(run, args)
        if name.startswith("tf.data.experimental.") and short in _TRANSFORMS:
            return ExternalV("fromlogits.transparent")
        made = sources.read(run, name, args) or encoders.make(name, args) or callbacks.make(name, args)
        if made is None and name.startswith("tf.data.Dataset."):
            return self._dataset(run, short, args, place)
        return made

    def _dataset(self, run: Run, short: str, args: Args, place: Place | None) -> Value | None:
        if short in ("from_tensor_slices", "from_tensors") and args.positional:
            return IterV(content_of(run, args.positional[0]), "dataset")
        if short == "from_generator" and args.positional:
            items = spread(run, run.call(args.positional[0], Args(), place))
            return IterV(items.items[0], "dataset") if isinstance(items, TupleV) and items.items else None
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
        if name == "apply" and args.positional:
            given = args.positional[0]
            own = isinstance(given, (FuncV, BoundV, PartialV, ExternalV))
            return run.call(given, Args((dataset,)), place) if own else IterV(_unseen(run), "dataset")
        if name in ("filter", "concatenate"):
            return IterV(some_of(dataset.element), "dataset")
        if name in ("map", "flat_map", "interleave") and args.positional:
            return IterV(_mapped(run, dataset.element, args.positional[0], place), "dataset")
        if name in ("next", "__next__", "get_next", "__iter__"):
            return dataset.element
        if name == "enumerate":
            return IterV(TupleV((run.state.fresh(Why.RUNTIME, "a counter"), dataset.element)), "dataset")
        return None

    def new_tensor(self, run: Run, name: str, args: Args) -> Value:
        """A tensor made from nothing that has a scale: zeros, random numbers, one-hot rows."""
        module, _, short = name.rpartition(".")
        if short in ("eye", "identity"):
            return _unit_rows(name, args)
        if short == "one_hot":
            return data_tensor(None, one_hot(args.get(1, "depth") or args.keywords.get("num_classes")))
        if name == "numpy.random.randint":
            low, high = args.get(0, "low"), args.get(1, "high")
            return drawn(run, low if high is not None else None, high or low, args.get(2, "size"))
        if name == "keras.random.randint":
            return drawn(run, args.get(1, "minval"), args.get(2, "maxval"), args.get(0, "shape"))
        if name == "tf.random.uniform" and _whole(args.get(3, "dtype")):
            return drawn(run, args.get(1, "minval"), args.get(2, "maxval"), args.get(0, "shape"))
        if short == "arange":
            return counted(args)
        if short == "constant":
            return TensorV(labels=of_literal(run, args.get(0, "value") or NONE), reason=CONSTANTS)
        if name == "numpy.random.shuffle" and (of_list := shuffled(run, args, None)) is not None:
            return of_list
        if module.endswith("random") and short in ("shuffle", "permutation") and args.positional:
            return args.positional[0] if isinstance(args.positional[0], TensorV) else data_tensor()
        reason = NORMAL if _is_normal(name, args) else CONSTANTS
        return TensorV(shape=_made_shape(run, name, args), reason=reason)

    # -- where labels go ---------------------------------------------------------------------------
    def fit(self, run: Run, model: Value, args: Args, place: Place | None) -> None:
        """``fit``/``evaluate``: the labels reach the losses of the last compile.

        Not where the project's own step stands between: it may encode them anew.
        """
        if isinstance(model, InstanceV) and any(find_member(model.cls, name) for name in _STEPS):
            return
        _note_given(run, model, args.get(0, "x"), args.get(1, "y"), place)
        held = args.get(7, "validation_data")
        content = content_of(run, held) if isinstance(held, (ListV, TupleV)) else None
        if isinstance(content, TupleV) and len(content.items) > 1:
            _note_given(run, model, content.items[0], content.items[1], place, held=True)
        elif isinstance(held, IterV):
            _note_given(run, model, held, None, place, held=True)


def _note_given(
    run: Run,
    model: Value,
    source: Value | None,
    labels: Value | None,
    place: Place | None,
    *,
    held: bool = False,
) -> None:
    """What ``fit`` is given reaches the losses of the model; ``held``: what it validates with."""
    for _, data in alternatives(source if source is not None else NONE, run.state.guard):
        pair = content_of(run, batch_of(run, data))
        if isinstance(pair, TupleV) and len(pair.items) >= 2 and isinstance(data, (IterV, InstanceV)):
            labels = pair.items[1]
        options = [v for _, v in alternatives(labels if labels is not None else NONE, run.state.guard)]
        if len(options) > 1 and not all(_told(run, option) for option in options):
            continue  # which of them it is decides, and one is not known
        for option in options:
            _note(run, model, option, place, held=held)


def batch_of(run: Run, data: Value) -> Value:
    """What iterating over something that ``fit`` takes yields."""
    if isinstance(data, IterV):
        return data.element
    if isinstance(data, InstanceV) and any(base in _SEQUENCES for base in external_bases(data.cls)):
        with run.state.scratch():
            item = run.call_special(data, "__getitem__", (run.state.fresh(Why.RUNTIME, "an index"),), None)
        return item if item is not None else NONE
    return NONE


def _note(run: Run, model: Value, labels: Value, place: Place | None, *, held: bool) -> None:
    """Labels of a model, or of each of its outputs by name or position."""
    slots = model.slots.get(HEADS) if isinstance(model, Obj) else None
    heads = [str(v.value) for v in slots.items if isinstance(v, Const)] if isinstance(slots, TupleV) else []
    content = content_of(run, labels)
    if isinstance(content, Entries):
        parts = {str(key): value for key, (_, value) in content.items.items()}
    elif isinstance(content, TupleV) and len(content.items) == len(heads):
        parts = dict(zip(heads, content.items, strict=True))
    else:
        parts = {}
    if len(heads) <= 1:
        content = next(iter(parts.values()), content) if len(parts) == 1 else content
        _note_one(run, model, content, None, place, held=held)
    for name, value in parts.items() if len(heads) > 1 else ():
        _note_one(run, model, value, name, place, held=held)


def _told(run: Run, value: Value) -> bool:
    """Whether something is known of labels, or of each of several."""
    content = content_of(run, value)
    if isinstance(content, Entries):
        return all(_told(run, inner) for _, inner in content.items.values())
    return (value.labels if isinstance(value, TensorV) else of_literal(run, value)) is not None


def _note_one(
    run: Run, model: Value, value: Value, output: str | None, place: Place | None, *, held: bool
) -> None:
    found = value.labels if isinstance(value, TensorV) else of_literal(run, value)
    if found is not None:
        several = encoders.one_column_of_two(value)
        made = value.trace if isinstance(value, TensorV) else ()
        given = (Hop(place, "the labels are given here"),) if place is not None else ()
        found = replace(found, trace=run.recorder.steps((*made, *given)))
        run.recorder.compiles.note_labels(model, found, output, several=several, held=held)


# -- parts -----------------------------------------------------------------------------------------
def _one_hot(classes: Value | None, place: Place | None, what: str) -> Value:
    hops = (Hop(place, what),) if place is not None else ()
    return replace(data_tensor(None, one_hot(classes), "one-hot labels"), trace=hops)


def _binarized(run: Run, args: Args, place: Place | None) -> Value:
    """``label_binarize(y, classes=[0, 1, 2])``: one column where there are two classes."""
    names = content_of(run, args.get(1, "classes") or NONE)
    if not isinstance(names, TupleV) or names.open:
        return data_tensor()
    count = len(names.items)
    if count <= 2:
        return data_tensor(None, Labels(LabelEncoding.BINARY, 2), "0/1 labels")
    return _one_hot(Const(count), place, "label_binarize")


_NORMAL = ("normal", "truncated_normal", "random_normal", "randn")


def _is_normal(name: str, args: Args) -> bool:
    """Whether a function draws normally distributed numbers around zero."""
    short = name.rpartition(".")[2]
    mean = args.get(0, "loc") if name == "numpy.random.normal" else args.get(1, "mean")
    centred = mean is None or (isinstance(mean, Const) and mean.value == 0)
    return short in _NORMAL and (centred or short == "randn")


def _unit_rows(name: str, args: Args) -> TensorV:
    """``np.eye(rows, columns)``: as many classes as columns, or as rows where those are not given."""
    rows = args.get(0, "N") or args.keywords.get("num_rows")
    columns = args.get(1, "M") or args.keywords.get("num_columns")
    square = columns is None or name.rpartition(".")[2] == "identity" or name.startswith("keras.backend.")
    made = one_hot(rows if square or (isinstance(columns, Const) and columns.value is None) else columns)
    return data_tensor((one_hot(rows).classes, made.classes), made)


def _made_shape(run: Run, name: str, args: Args) -> Dims:
    """The shape that a maker of tensors is told: ``tf.zeros([784, 10])``."""
    spec = op(name)
    names = spec.parameters.names if spec is not None else ()
    return dims(run, args.get(0, "shape")) if names[:1] == ("shape",) else None


def _whole(dtype: Value | None) -> bool:
    """Whether a dtype is one of whole numbers."""
    name = getattr(dtype, "name", None) or (dtype.value if isinstance(dtype, Const) else "")
    return "int" in str(name).rpartition(".")[2]


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
    result = prepare(run, lambda: run.call(function, Args(arguments), place))
    return data_tensor() if result is None or isinstance(result, Unknown) else content_of(run, result)
