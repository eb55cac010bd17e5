"""Run a generated program under Keras and record which output met which loss, and what came out.

Works on every backend. Programs are watched from outside: ``compile``, ``Loss.__call__`` and the loss
functions are patched in this process; nothing in a program knows of it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from measure import KERAS_FUNCTIONS, MAGNITUDES, WITH_LOGITS, describe
from programs import run_notebook

from .losses import OTHER, SHORT, SNAKE
from .model_parts import WIDTH
from .pairings import ROWS
from .reference import truth_for

OTHERS = {SNAKE[name]: name for name in (*OTHER, "KLDivergence")} | {SHORT[n]: n for n in SHORT if n in OTHER}
OTHERS |= {"kld": "KLDivergence"}
SUBSTITUTION = "does not represent logits"
"""Part of the warning with which Keras on TensorFlow says that it computes another loss."""


@dataclass
class Meeting:
    """One loss met one output. ``arrays`` are outputs of several magnitudes, ``truths`` the labels and
    ``values`` the mean losses of each. ``warned``: Keras said that it put another tensor in its place."""

    loss: str
    from_logits: bool | None
    output: str | None
    arrays: list[np.ndarray] = field(default_factory=list)
    truths: list[np.ndarray] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    warned: bool = False
    occasion: Any = None
    """What tells one model, or one line of the program, from another."""

    @property
    def key(self) -> tuple[str, bool | None, str | None]:
        return (self.loss, self.from_logits, self.output)


class Watch:
    """What happened while one program ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve()) + os.sep
        self.compiled: list[tuple[Any, Any]] = []
        self.direct: list[Meeting] = []

    def by_program(self, depth: int) -> bool:
        """Whether the frame ``depth`` above is the program's own."""
        return sys._getframe(depth + 1).f_code.co_filename.startswith(self.folder)

    def note(self, loss: str, flag: bool | None, truth: Any, output: Any, compute: Callable[[], Any]) -> Any:
        """Run the real thing; remember it where the tensors have values."""
        value, warned = heard(compute)
        with contextlib.suppress(Exception):  # a symbolic tensor has no values
            arrays = [np.asarray(output, dtype="float64")]
            mean = float(np.asarray(value, dtype="float64").mean())
            made = Meeting(loss, flag, None, arrays, [np.asarray(truth)], [mean], warned, self._occasion())
            self.direct.append(made)
        return value

    def _occasion(self) -> Any:
        """The outermost line of the program that is under way."""
        frame, found = sys._getframe(1), None
        while frame is not None:
            if frame.f_code.co_filename.startswith(self.folder):
                found = (frame.f_code.co_filename, frame.f_lineno)
            frame = frame.f_back  # type: ignore[assignment]
        return found


def heard(compute: Callable[[], Any]) -> tuple[Any, bool]:
    """A result, and whether the warning of a substitution was heard on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = compute()
    return value, any(SUBSTITUTION in str(w.message) for w in caught)


def facts(loss: Any) -> tuple[str, bool | None] | None:
    """Keras class and effective flag of a living loss; None for one of the program's own."""
    what = describe(loss)
    return (what[0], None) if what and what[0] in OTHERS.values() else what


def _watched(watch: Watch, function: Any, name: str, pred: str, flag: bool) -> Callable[..., Any]:
    signature = inspect.signature(function)
    true = next(p for p in ("y_true", "target", "labels") if p in signature.parameters)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        compute = functools.partial(function, *args, **kwargs)
        if not watch.by_program(1):
            return compute()
        given = signature.bind(*args, **kwargs).arguments
        has_flag = flag or "from_logits" in signature.parameters
        told = (flag or given.get("from_logits", False)) if has_flag else None
        return watch.note(name, told, given[true], given[pred], compute)

    return wrapper


def _functions() -> Iterator[tuple[Any, str, str, str, bool]]:
    """Owner, attribute, Keras class, parameter of the output, whether it is always logits."""
    import keras
    import tensorflow as tf

    for owner in (keras.losses, tf.keras.losses, keras.ops):
        for stem in KERAS_FUNCTIONS:
            label = "".join(p.title() for p in stem.split("_")) + "Crossentropy"
            if hasattr(owner, f"{stem}_crossentropy"):
                pred = "output" if owner is keras.ops else "y_pred"
                yield owner, f"{stem}_crossentropy", label, pred, False
    for name, label in OTHERS.items():
        for owner in (keras.losses, tf.keras.losses):
            if hasattr(owner, name):
                yield owner, name, label, "y_pred", False
    for op, label in WITH_LOGITS.items():
        yield tf.nn, op, label, "logits", True


def _patches(watch: Watch) -> Iterator[tuple[Any, str, Any]]:
    import keras
    import tensorflow as tf

    get_, loss_call, compile_ = keras.losses.get, keras.losses.Loss.__call__, keras.Model.compile

    def call(self: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        compute = functools.partial(loss_call, self, y_true, y_pred, sample_weight)
        what = facts(self)
        return watch.note(*what, y_true, y_pred, compute) if what and watch.by_program(1) else compute()

    def compile_and_note(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(compile_).bind(self, *args, **kwargs).arguments
        compile_(self, *args, **{**kwargs, "run_eagerly": True})  # so that steps see values
        watch.compiled.append((self, bound.get("loss")))

    def evaluate(self: Any, x: Any, y: Any, **ignored: Any) -> Any:
        return self.evaluate(x, y, verbose=0)

    def get(identifier: Any) -> Any:
        made = get_(identifier)
        name = facts(made) if watch.by_program(1) and inspect.isfunction(made) else None
        return _watched(watch, made, name[0], "y_pred", False) if name else made

    if keras.backend.backend() == "jax":  # whose fit sees no values and compiles for seconds
        yield keras.Model, "fit", evaluate
    yield keras.losses.Loss, "__call__", call
    yield keras.losses, "get", get
    yield tf.keras.losses, "get", get
    yield keras.Model, "compile", compile_and_note
    for owner, name, label, pred, flag in _functions():
        yield owner, name, _watched(watch, getattr(owner, name), label, pred, flag)


@contextlib.contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Patches, working folder, ``sys.path``, arguments and modules, all put back afterwards."""
    import keras
    import tensorflow as tf

    before, path, cwd, argv = set(sys.modules), list(sys.path), Path.cwd(), sys.argv
    patches = [(o, n, getattr(o, n), new) for o, n, new in _patches(watch)]
    try:
        for owner, name, _, new in patches:
            setattr(owner, name, new)
        tf.config.run_functions_eagerly(True)
        sys.path.insert(0, watch.folder)
        os.chdir(watch.folder)
        sys.argv = ["main.py"]
        keras.utils.set_random_seed(7)
        yield
    finally:
        for owner, name, old, _ in patches:
            setattr(owner, name, old)
        os.chdir(cwd)
        sys.path[:], sys.argv = path, argv
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(watch.folder):
                del sys.modules[name]
        keras.utils.clear_session(free_memory=False)


def run(folder: Path, entry: str, targets: dict[str | None, list[str]]) -> list[Meeting]:
    """Every meeting of the program in ``folder``. ``targets``: the losses that each output may have.

    Raises whatever the program raises.
    """
    watch = Watch(folder)
    with watching(watch):
        path = folder.resolve() / entry
        if path.suffix == ".ipynb":
            run_notebook(path)
        else:
            code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
            exec(code, {"__name__": "__main__", "__file__": str(path)})
        for number, (model, loss) in enumerate(list(watch.compiled)):
            if loss is not None:
                _settle(watch, number, model, loss, targets)
    return _merged(watch.direct)


def _settle(watch: Watch, number: int, model: Any, loss: Any, targets: dict[str | None, list[str]]) -> None:
    """Feed a compiled model, and let its losses meet what it returns."""
    for result in _results(model):
        for name, output, one in _paired(model, result, loss):
            before = len(watch.direct)
            _meet(watch, one, output, targets.get(name) or targets[None])
            for meeting in watch.direct[before:]:
                meeting.output, meeting.occasion = name, number


def _meet(watch: Watch, loss: Any, output: Any, candidates: list[str]) -> None:
    """Call a loss with labels that fit it. What a loss of the program's own takes has to be tried."""
    import keras

    function, what = keras.losses.get(loss() if isinstance(loss, type) else loss), facts(loss)
    before, error = len(watch.direct), None
    for name in [what[0]] if what else dict.fromkeys(candidates):
        truth = truth_for(name, tuple(output.shape), np.random.default_rng(1))
        try:
            if what:
                watch.note(*what, truth, output, functools.partial(function, truth, output))
            else:
                function(truth, output)  # what it calls inside is noted
        except Exception as tried:
            error = tried
        if any(meeting.loss == name for meeting in watch.direct[before:]):
            return
        del watch.direct[before:]
    raise error or ValueError(f"{loss} met nothing that was expected")


def _results(model: Any) -> Iterator[Any]:
    """What the model returns for inputs of several magnitudes, and with its last kernel turned round."""
    rng = np.random.default_rng(3)
    for magnitude in MAGNITUDES:
        batch = _batch(model, rng, magnitude)
        yield model(batch, training=False)
    kernels = [w for w in model.trainable_variables if len(w.shape) > 1]
    for kernel in kernels[-2:]:
        kernel.assign(-30.0 * kernel)
    yield model(batch, training=False)


def _batch(model: Any, rng: np.random.Generator, magnitude: float) -> Any:
    """One array, or one for each input in the structure that the model takes."""
    inputs = getattr(model, "inputs", None) or []
    shapes = [tuple(i.shape[1:]) for i in inputs] or [(WIDTH,)]
    arrays = [(rng.normal(size=(ROWS, *shape)) * magnitude).astype("float32") for shape in shapes]
    if len(arrays) == 1:
        return arrays[0]
    named = isinstance(getattr(model, "_inputs_struct", None), dict)
    return dict(zip([i.name for i in inputs], arrays, strict=True)) if named else arrays


def _paired(model: Any, result: Any, loss: Any) -> Iterator[tuple[str | None, Any, Any]]:
    """Name, tensor and loss of every output that has a loss."""
    if isinstance(result, dict):
        parts = dict(result)
    elif isinstance(result, (list, tuple)):
        parts = dict(zip(model.output_names, result, strict=True))
    else:
        yield None, result, loss
        return
    losses = dict(zip(parts, loss, strict=True)) if isinstance(loss, (list, tuple)) else loss
    for name, tensor in parts.items():
        if not isinstance(losses, dict) or losses.get(name) is not None:
            yield name, tensor, losses[name] if isinstance(losses, dict) else losses


def _merged(meetings: list[Meeting]) -> list[Meeting]:
    """Calls of one loss with one output of one model are one meeting, of several magnitudes."""
    by_key: dict[Any, Meeting] = {}
    for meeting in meetings:
        known = by_key.setdefault((meeting.key, meeting.occasion), meeting)
        if known is not meeting:
            known.arrays += meeting.arrays
            known.truths += meeting.truths
            known.values += meeting.values
    return list(by_key.values())
