"""How long auditing a saved model takes, beside loading it: ``python benchmarks/model_audit.py``.

Both are measured in this one run on the same small ``.keras`` file: the audit as a whole process
(``python -m fromlogits_audit model FILE``), and ``keras.saving.load_model`` of it, once as a whole process
and once as the bare call with Keras already imported. Needs TensorFlow. Exit status 1 where the audit takes
0.3 s or more, or is not 20 times faster than loading.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 0.3
TIMES = 20.0

_LOAD = "import sys, keras; keras.saving.load_model(sys.argv[1])"
_MAKE = """
import sys, keras
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.save(sys.argv[1])
"""
_BARE = """
import sys, time, keras
keras.saving.load_model(sys.argv[1])
taken = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    keras.saving.load_model(sys.argv[1])
    taken.append(time.perf_counter() - start)
print(sorted(taken)[len(taken) // 2])
"""
_IN_PROCESS = """
import sys, time
from pathlib import Path
from fromlogits_audit.model_pipeline import audit_models
taken = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    audit_models([Path(sys.argv[1])])
    taken.append(time.perf_counter() - start)
print(sorted(taken)[len(taken) // 2])
"""


def python(*arguments: str) -> str:
    """The standard output of this Python on arguments; findings are no failure."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def median_process(runs: int, *arguments: str) -> float:
    """The median wall time, in seconds, of a whole process."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        python(*arguments)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="of the audit; loading is run a third as often")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model.keras")
        python("-c", _MAKE, model)
        audit = median_process(runs, "-m", "fromlogits_audit", "model", model, "--exit-zero")
        inside = float(python("-c", _IN_PROCESS, model, str(runs)))
        load = median_process(max(runs // 3, 3), "-c", _LOAD, model)
        bare = float(python("-c", _BARE, model, str(runs)))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, medians")
    print(f"audit, whole process          {audit:8.3f} s   (bound: {SECONDS} s)")
    print(f"load_model, whole process     {load:8.3f} s   {load / audit:6.1f} times the audit")
    print(f"audit, within a process       {inside:8.4f} s")
    print(f"load_model, within a process  {bare:8.4f} s   {bare / inside:6.1f} times the audit")
    return int(audit >= SECONDS or load / audit < TIMES or bare / inside < TIMES)


if __name__ == "__main__":
    sys.exit(main())
