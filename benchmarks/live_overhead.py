"""What watching a training costs: ``python benchmarks/live_overhead.py``.

One program (this file with ``--train``) trains a model whose step takes at least 20 ms for two epochs of 200
steps, in a process of its own each time: without anything, with the callback, and under
``fromlogits-audit run``. The steps of the second
epoch are timed, from the start of one to the start of the next, and the median step counts: bursts of other
work on the machine do not. Plain and watched runs alternate, so that what lasts longer meets both; a pair
gives one ratio, and the median of the ratios counts. Beside it stands what the first batch costs once: for a
functional model (its structure says what its outputs are), and for a class of its own (called on the batch).
Needs TensorFlow. Exit status 1 where the limit is passed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LIMITS = {"callback": 1.05, "run": 1.15}
"""How much longer an epoch may take under each way of watching."""
MILLISECONDS = 20.0
STEPS = 200
ROWS, FEATURES, CLASSES = 128, 256, 10


# -- the program that is watched -------------------------------------------------------------------
def model_of(units: int, *, own_class: bool) -> Any:
    import keras

    layers = [*(keras.layers.Dense(units, activation="relu") for _ in range(4)), keras.layers.Dense(CLASSES)]
    if not own_class:
        return keras.Sequential([keras.Input((FEATURES,)), *layers])

    class Classifier(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = layers

        def call(self, x: Any) -> Any:
            for part in self.parts:
                x = part(x)
            return x

    return Classifier()


def train(asked: argparse.Namespace) -> None:
    """Train, and write as JSON the seconds of a step of the last epoch and of what the callback did once."""
    import keras
    import numpy

    random = numpy.random.default_rng(0)
    x = random.standard_normal((ROWS * asked.steps, FEATURES)).astype("float32")
    y = random.integers(0, CLASSES, len(x))
    starts: list[float] = []
    once: list[float] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            starts.clear()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            starts.append(time.perf_counter())

    callbacks: list[Any] = [Clock(), *([timed(once)] if asked.callback else [])]
    model = model_of(asked.units, own_class=asked.own_class)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=ROWS, epochs=asked.epochs, verbose=0, callbacks=callbacks)
    steps = [after - before for before, after in itertools.pairwise(starts)]
    times = {"step": statistics.median(steps), "once": sum(once)}
    asked.train.write_text(json.dumps(times), encoding="utf-8")


def timed(once: list[float]) -> Any:
    """The callback, with the seconds of what it does once."""
    from fromlogits_audit import LogitsAudit

    class Timed(LogitsAudit):
        def on_train_begin(self, logs: Any = None) -> None:
            start = time.perf_counter()
            super().on_train_begin(logs)
            once.append(time.perf_counter() - start)

        def _look(self, model: Any, data: Any, state: Any) -> None:
            start = time.perf_counter()
            super()._look(model, data, state)
            once.append(time.perf_counter() - start)

    return Timed("collect")


# -- the comparison --------------------------------------------------------------------------------
def run(before: Sequence[str], arguments: Sequence[str]) -> dict[str, Any]:
    """One training in a process; ``before`` is what stands before the program on the command line."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "times.json"
        command = [sys.executable, *before, str(Path(__file__)), "--train", str(out), *arguments]
        subprocess.run(command, check=True, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def step(found: dict[str, Any]) -> float:
    """Milliseconds of a step."""
    return float(found["step"]) * 1000


RUN = ["-m", "fromlogits_audit", "run", "--exit-zero", "--output-file", os.devnull]
WATCHED: dict[str, tuple[list[str], list[str]]] = {"callback": ([], ["--callback"]), "run": (RUN, [])}
"""Each way of watching: what stands before the program, and what it is given."""


def units_for(asked: argparse.Namespace) -> int:
    """The width of layers whose step takes at least 20 ms here."""
    for units in (512, 768, 1024, 1536, 2048, 3072, 4096):
        if step(run([], ["--units", str(units), "--steps", "30"])) >= MILLISECONDS * 1.2:
            return units
    raise SystemExit("This machine is too fast for the largest model here.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--units", type=int, default=0, help="width of the layers; 0: as many as take 20 ms")
    parser.add_argument("--only", choices=sorted(WATCHED), help="one way of watching")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--callback", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--own-class", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train is not None:
        train(asked)
    else:
        raise SystemExit(compare(asked))


def compare(asked: argparse.Namespace) -> int:
    units = asked.units or units_for(asked)
    size = ["--units", str(units), "--steps", str(asked.steps), "--epochs", str(asked.epochs)]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, layers of {units} units")
    ways = {name: way for name, way in WATCHED.items() if asked.only in (None, name)}
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    steps = []
    for _ in range(asked.pairs):
        for name, (before, given) in ways.items():
            plain = step(run([], size))
            ratios[name].append(step(run(before, [*size, *given])) / plain)
            steps.append(plain)
    print(f"A step takes {statistics.median(steps):.1f} ms without anything.")
    wrong = statistics.median(steps) < MILLISECONDS
    for name, found in ratios.items():
        median = statistics.median(found)
        wrong = wrong or median > LIMITS[name]
        spread = f"{min(found):.3f} to {max(found):.3f}, {len(found)} pairs"
        print(f"{name}: {median:.3f} times as long (limit {LIMITS[name]}; {spread})")
    once(size)
    return int(wrong)


def once(size: Sequence[str]) -> None:
    """What is done once, at the start and at the first batch."""
    short = [*size[:2], "--steps", "5", "--epochs", "1", "--callback"]
    for name, given in (("a functional model", []), ("a class of its own", ["--own-class"])):
        seconds = statistics.median(run([], [*short, *given])["once"] for _ in range(3))
        print(f"once, for {name}: {seconds * 1000:.0f} ms")


if __name__ == "__main__":
    main()
