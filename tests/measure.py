"""Run a fixture under real Keras and record which output met which loss, where, and how it measures.

Nothing here knows the scan. A program runs with ``compile``, ``Loss.__call__``, the loss
functions and ``tf.nn.*_with_logits`` patched; every meeting of a loss with an output becomes a
:class:`Meeting`, which :func:`contradictions` holds against what somebody claims of a site.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from programs import cell_source, run_module, run_notebook

ROWS = 64
MAGNITUDES = (1.0, 40.0)
SPREAD = 50.0
WITH_LOGITS = {
    "sparse_softmax_cross_entropy_with_logits": "SparseCategoricalCrossentropy",
    "softmax_cross_entropy_with_logits": "CategoricalCrossentropy",
    "sigmoid_cross_entropy_with_logits": "BinaryCrossentropy",
}
KERAS_FUNCTIONS = ("binary", "categorical", "sparse_categorical", "binary_focal", "categorical_focal")


@dataclass(frozen=True)
class Place:
    """A line, or the lines of one statement, of a fixture. ``cell`` counts from 1, None in a .py."""

    path: str
    cell: int | None
    first: int
    last: int

    def covers(self, path: str, cell: int | None, line: int) -> bool:
        return (self.path, self.cell) == (path, cell) and self.first <= line <= self.last


@dataclass(frozen=True)
class Claim:
    """What somebody (the expectation, or the scan) says of one decided loss site."""

    path: str
    cell: int | None
    line: int
    loss: str | None
    from_logits: bool | None
    scale: str
    units: int | None
    output: str | None


@dataclass
class Meeting:
    """One loss met one output. ``places`` stand in the order in which a site is looked for:
    groups, each of which is tried only where the one before it has no site.

    ``arrays`` are outputs of shape (rows, ..., units), one for each magnitude of the input.
    """

    loss: str
    from_logits: bool | None
    places: list[list[Place]]
    arrays: list[np.ndarray] = field(default_factory=list)
    output: str | None = None


@functools.cache
def _statements(file: str, cell: int | None) -> list[tuple[int, int]]:
    source = cell_source(Path(file), cell) if cell else Path(file).read_text(encoding="utf-8-sig")
    nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.stmt)]
    simple = [n for n in nodes if not hasattr(n, "body")]
    return [(n.lineno, n.end_lineno or n.lineno) for n in simple]


class Recorder:
    """Collects the meetings of one program. ``folder`` is the fixture's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meetings: list[Meeting] = []
        self.compiled: list[tuple[Any, Any, list[Place]]] = []
        self.built: dict[int, tuple[Any, list[Place]]] = {}
        self.fed: dict[int, Any] = {}

    def place(self, frame: types.FrameType) -> Place | None:
        """The statement that ``frame`` is in, where it belongs to the fixture."""
        file, _, cell = frame.f_code.co_filename.partition("#")
        if not file.startswith(str(self.folder) + os.sep):
            return None
        number, line = (int(cell) if cell else None), frame.f_lineno
        around = [(b - a, a, b) for a, b in _statements(file, number) if a <= line <= b]
        _, first, last = min(around, default=(0, line, line))
        return Place(Path(file).relative_to(self.folder).as_posix(), number, first, last)

    def stack(self) -> list[Place]:
        """The fixture's statements that are under way, the innermost first."""
        frame, found = sys._getframe(1), []
        while frame is not None:
            here = self.place(frame)
            if here:
                found.append(here)
            frame = frame.f_back  # type: ignore[assignment]
        return found

    def called_directly(self, depth: int) -> list[Place]:
        """Where the fixture itself calls what is ``depth`` frames above; empty if Keras does."""
        here = self.place(sys._getframe(depth))
        return [here] if here else []

    def direct(self, loss: str, from_logits: bool | None, y_pred: Any, places: list[list[Place]]) -> None:
        with contextlib.suppress(Exception):  # symbolic tensors have no values yet
            array = np.asarray(y_pred, dtype="float64")
            if array.ndim:
                self.meetings.append(Meeting(loss, from_logits, places, [array]))


def keras_name(function: Any) -> str | None:
    """``binary_crossentropy`` -> ``BinaryCrossentropy``; None for what is not Keras's own."""
    import keras

    function = inspect.unwrap(function)
    if not str(getattr(function, "__module__", "")).startswith("keras."):
        return None
    plain = function.__name__.replace("_", "").lower()
    classes = [n for n, o in vars(keras.losses).items() if inspect.isclass(o)]
    return next((n for n in classes if n.lower() == plain), None)


def describe(loss: Any) -> tuple[str, bool | None] | None:
    """Keras class name and effective ``from_logits`` of what ``compile`` was given.

    None for losses of the fixture's own: what they call inside is recorded directly.
    """
    import keras

    if isinstance(loss, functools.partial):
        name = keras_name(loss.func)
        return (name, loss.keywords.get("from_logits", False)) if name else None
    if isinstance(loss, type):
        loss = loss()
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        known = [c.__name__ for c in type(loss).__mro__ if c.__module__.startswith("keras.")]
        name = known[0] if known[0] not in ("Loss", "LossFunctionWrapper") else None
        return (name, getattr(loss, "from_logits", None)) if name else None
    name = keras_name(loss) if callable(loss) else None
    if name is None:
        return None
    has_flag = "from_logits" in inspect.signature(loss).parameters
    return name, False if has_flag else None


def _random_like(spec: Any, magnitude: float, vocabulary: int | None, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (ROWS, *(d or 6 for d in spec.shape[1:]))
    if vocabulary is not None and ("int" in str(spec.dtype) or len(shape) == 2):
        return rng.integers(0, vocabulary, shape)
    return (rng.normal(size=shape) * magnitude).astype("float32")


def measure(model: Any, fed: Any) -> list[Any]:
    """The outputs of ``model`` on seeded inputs of two magnitudes, in the model's own structure."""
    import keras

    layers = [s for s in model._flatten_layers() if isinstance(s, keras.layers.Embedding)]
    vocabulary = min((e.input_dim for e in layers), default=None)
    specs = getattr(model, "inputs", None) or ([fed] if fed is not None else [])
    if not specs:
        return []
    results = []
    for magnitude in MAGNITUDES:
        values = [_random_like(s, magnitude, vocabulary, seed) for seed, s in enumerate(specs)]
        if vocabulary is not None:  # ids have no magnitude: give the weights one
            for w in model.trainable_variables:
                w.assign(w * magnitude)
        results.append(model(values if len(values) > 1 else values[0], training=False))
    if _turn_head(model, results[-1]):
        results.append(model(values if len(values) > 1 else values[0], training=False))
    return results


def _turn_head(model: Any, result: Any) -> bool:
    """Negate the last kernel, and enlarge it where the outputs are small.

    Logits of one unit may all have one sign, and untrained deep networks yield 1e-16; either
    way they would not be told from something bounded.
    """
    import keras

    largest = max(float(np.abs(np.asarray(t)).max()) for t in keras.tree.flatten(result))
    kernels = [w for w in model.trainable_variables if len(w.shape) > 1]
    if not kernels or largest == 0:
        return False
    kernels[-1].assign(kernels[-1] * (-SPREAD / largest if largest <= 1 else -1.0))
    return True


def _by_output(model: Any, results: list[Any]) -> dict[str | None, list[np.ndarray]]:
    first = results[0]
    if isinstance(first, dict):
        return {k: [np.asarray(r[k]) for r in results] for k in first}
    if isinstance(first, (list, tuple)):
        return {n: [np.asarray(r[i]) for r in results] for i, n in enumerate(model.output_names)}
    return {None: [np.asarray(r) for r in results]}


def _losses(loss: Any, names: list[str | None]) -> dict[str | None, Any]:
    if isinstance(loss, dict):
        return dict(loss)
    if isinstance(loss, (list, tuple)):
        return dict(zip(names, loss, strict=True))
    return dict.fromkeys(names, loss)


def settle(recorder: Recorder) -> None:
    """Turn the compiled models into meetings, by feeding them."""
    for model, loss, places in recorder.compiled:
        results = measure(model, recorder.fed.get(id(model)))
        if not results or loss is None:
            continue
        outputs = _by_output(model, results)
        for name, one in _losses(loss, list(outputs)).items():
            what = describe(one)
            if what:
                built = recorder.built.get(id(one), (None, []))[1]
                recorder.meetings.append(Meeting(*what, [built, places], outputs[name], name))


def _patches(rec: Recorder) -> Iterator[tuple[Any, str, Any]]:
    import keras
    import tensorflow as tf

    loss_init, loss_call = keras.losses.Loss.__init__, keras.losses.Loss.__call__
    compile_, fit = keras.Model.compile, keras.Model.fit

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        loss_init(self, *args, **kwargs)
        rec.built[id(self)] = (self, rec.stack())  # held, so that no id is used twice

    def call(self: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        where, what = rec.called_directly(2), describe(self)
        if where and what:
            rec.direct(*what, y_pred, [rec.built[id(self)][1], where])
        return loss_call(self, y_true, y_pred, sample_weight)

    def compile_and_note(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(compile_).bind(self, *args, **kwargs).arguments
        compile_(self, *args, **kwargs)
        rec.compiled.append((self, bound.get("loss"), rec.stack()))

    def fit_and_note(self: Any, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        rec.fed[id(self)] = np.asarray(x)
        return fit(self, x, *args, **kwargs)

    yield keras.losses.Loss, "__init__", init
    yield keras.losses.Loss, "__call__", call
    yield keras.Model, "compile", compile_and_note
    yield keras.Model, "fit", fit_and_note
    for op, name in WITH_LOGITS.items():
        yield tf.nn, op, _watched(rec, getattr(tf.nn, op), name, "logits", True)
    for module in (keras.losses, tf.keras.losses, tf.keras.backend):
        for stem in KERAS_FUNCTIONS:
            function = getattr(module, f"{stem}_crossentropy", None)
            if function is not None:
                label = "".join(p.title() for p in stem.split("_")) + "Crossentropy"
                yield module, f"{stem}_crossentropy", _watched(rec, function, label)


def _watched(
    rec: Recorder, function: Any, name: str, pred: str = "", flag: bool = False
) -> Callable[..., Any]:
    """``function``, recording what it is given where the fixture itself calls it."""
    signature = inspect.signature(function)
    wanted = pred or next(p for p in ("y_pred", "output") if p in signature.parameters)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        where = rec.called_directly(2)
        if where:
            given = signature.bind(*args, **kwargs).arguments
            rec.direct(name, flag or given.get("from_logits", False), given[wanted], [where])
        return function(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def watched(recorder: Recorder) -> Iterator[None]:
    """Patches, working folder, ``sys.path``, modules and eager mode, all put back afterwards."""
    import keras
    import tensorflow as tf

    eager, before, path, cwd = tf.config.functions_run_eagerly(), set(sys.modules), list(sys.path), Path.cwd()
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    # What was inherited has to be inherited again: an own attribute would hide what others replace above.
    patches = [(o, n, vars(o).get(n), new) for o, n, new in _patches(recorder)]
    try:
        for owner, name, _, new in patches:
            setattr(owner, name, new)
        tf.config.run_functions_eagerly(True)  # so that losses see values, not symbols
        sys.path.insert(0, str(recorder.folder))
        os.chdir(recorder.folder)
        keras.utils.set_random_seed(7)
        yield
    finally:
        for owner, name, old, _ in patches:
            if old is None:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        tf.config.run_functions_eagerly(eager)
        sys.dont_write_bytecode = writes_bytecode
        os.chdir(cwd)
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(recorder.folder)):
                del sys.modules[name]
        keras.utils.clear_session()


def run(folder: Path, module: str, call: str | None) -> list[Meeting]:
    """Everything that met while ``module`` of the fixture ``folder`` ran.

    Raises whatever the program raises: a fixture that does not run is no fixture.
    """
    recorder = Recorder(folder.resolve())
    with watched(recorder):
        path = recorder.folder / module
        if path.suffix == ".ipynb":
            run_notebook(path)
        else:
            run_module(path, call)
        settle(recorder)
    return recorder.meetings
