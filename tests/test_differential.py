"""Two hundred generated programs: the scan says of each what real Keras measurably does.

One process per backend, because a process has one. A failure names the seed:
``python -m differential.run --start SEED --count 1 --backend tensorflow`` in this folder shows it again.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from differential import compare, reference, truth
from differential.heads import SCALES, Head
from differential.layouts import generate
from differential.live import Meeting
from differential.losses import CATEGORICAL, Target

TESTS = Path(__file__).parent
SOAK = int(os.environ.get("SOAK_PROGRAMS", "0"))
PROGRAMS = SOAK or 200
START = int(os.environ.get("SOAK_SEED", "0"))
"""``make soak-programs`` sets both: more programs, and others than those of every day."""
BACKENDS = ("tensorflow", "jax")
ENOUGH = {"tensorflow": 0.95, "jax": 0.65}
"""Some programs call TensorFlow itself and cannot run on JAX; some take seconds and are left to the soak."""


@functools.cache
def run(backend: str) -> dict[str, Any]:
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}
    command = [sys.executable, "-m", "differential.run", "--backend", backend, *([] if SOAK else ["--quick"])]
    command += ["--start", str(START), "--count", str(PROGRAMS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_scan_says_what_keras_does(backend: str) -> None:
    pytest.importorskip(backend)
    result = run(backend)
    assert not result["problems"]
    assert result["programs"] >= ENOUGH[backend] * PROGRAMS
    print(f"{backend}, seeds from {START}: {result['programs']} programs, {result['sites']} sites")
    assert not result["undecided"], "a program without an unknown in it can be decided"


def test_a_seed_makes_one_program() -> None:
    assert generate(7).written == generate(7).written
    assert generate(7).written != generate(8).written


def test_programs_differ_in_every_respect() -> None:
    drawn = {feature for seed in range(1000) for feature in generate(seed).features}
    kinds = {
        kind: {f for f in drawn if f.startswith(f"{kind}:")} for kind in ("model", "loss", "pair", "layout")
    }
    assert {kind: len(forms) for kind, forms in kinds.items()} == {
        "model": 42, "loss": 13, "pair": 21, "layout": 15,
    }  # fmt: skip


def test_every_program_parses() -> None:
    for seed in range(300):
        for path, text in generate(seed).written.files.items():
            if path.endswith(".py"):
                compile(text, path, "exec")


SITE = {
    "place": ("main.py", None, 1, 1),
    "loss": "BinaryCrossentropy",
    "from_logits": True,
    "scale": "logits",
    "units": 2,
    "output": None,
    "status": "ok",
    "codes": [],
}
LOGITS = np.array([[3.0, -2.0], [-4.0, 0.5], [1.5, 2.5]])
ONES = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def met(value: float, array: np.ndarray = LOGITS, **changes: Any) -> Meeting:
    facts = {"loss": "BinaryCrossentropy", "from_logits": True, "output": None, **changes}
    return Meeting(**facts, arrays=[array], truths=[ONES], values=[value])


RIGHT = reference.right_value("BinaryCrossentropy", "logits", ONES, LOGITS) or 0.0


def test_an_ok_site_has_the_right_value() -> None:
    assert not compare.contradictions([SITE], [met(RIGHT)])
    assert compare.contradictions([SITE], [met(RIGHT + 0.1)])


def test_a_finding_has_a_wrong_value_or_the_warning_of_a_substitution() -> None:
    finding = {**SITE, "status": "finding", "codes": ["FLA202"], "from_logits": False}
    assert not compare.contradictions([finding], [met(RIGHT + 0.1, from_logits=False)])
    assert compare.contradictions([finding], [met(RIGHT, from_logits=False)])
    assert not compare.contradictions([finding], [met(RIGHT, from_logits=False, warned=True)])


@pytest.mark.parametrize(
    "wrong",
    [{"scale": "probabilities"}, {"units": 3}, {"from_logits": False}, {"loss": "Hinge"}, {"output": "a"}],
    ids=json.dumps,
)
def test_a_wrong_claim_is_noticed(wrong: dict[str, Any]) -> None:
    assert compare.contradictions([{**SITE, **wrong}], [met(RIGHT)])


def test_what_met_and_has_no_site_is_noticed() -> None:
    assert compare.contradictions([], [met(RIGHT)])


@pytest.mark.parametrize("activation", SCALES)
@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("loss", ["CategoricalCrossentropy", "BinaryCrossentropy"])
def test_the_table_of_what_is_meant_agrees_with_the_numbers(loss: str, flag: bool, activation: str) -> None:
    """Where the table says ok, the output is of the scale that the loss takes for the right value."""
    found = truth.code(Target(loss, flag), Head(activation, 3))
    wanted = {
        (True, True): ("logits", "log-probabilities"),
        (True, False): ("probabilities",),
        (False, True): ("logits",),
        (False, False): ("independent-probabilities",),
    }[loss in CATEGORICAL, flag]
    renormalised = activation == "exponential" and loss in CATEGORICAL and not flag
    assert (found is None) == (SCALES[activation] in wanted or renormalised)
