"""What is claimed of the fixtures' sites is what real Keras measurably does.

Both the expectations and the scan are held against the same run of each program.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow")

import numpy as np
from measure import Claim, Meeting, Place, run
from scales import CONSISTENT, claims_for, contradictions
from test_fixtures import FOLDERS, expected, reported

RUNNABLE = [f for f in FOLDERS if expected(f)["run"]]
FLAG_IS_NO_BOOL = "FLA602"

pytestmark = pytest.mark.filterwarnings("ignore")


@functools.cache
def meetings(folder: Path) -> list[Meeting]:
    how = expected(folder)["run"]
    return run(folder, how["module"], how["call"])


def claim(site: dict[str, Any]) -> Claim:
    """A site in the words of ``expected.json``; facts that are not given are left open."""
    given: dict[str, Any] = {f.name: site.get(f.name) for f in dataclasses.fields(Claim)}
    return Claim(**given)


def claims(sites: list[dict[str, Any]]) -> list[Claim]:
    """Claims of the sites of Keras losses whose output is said to be known."""
    known = [s for s in sites if s.get("scale", "unknown") != "unknown"]
    return [claim(s) for s in known if "loss" in s and not str(s["loss"]).startswith("custom:")]


def expected_claims(folder: Path) -> list[Claim]:
    return claims(expected(folder)["sites"])


def scan_claims(folder: Path) -> list[Claim]:
    misused = [f for f in expected(folder)["findings"] if f["code"] == FLAG_IS_NO_BOOL]
    lines = {(f["path"], f["cell"], f["line"]) for f in misused}
    sites = [dict(s) for s in reported(folder)]
    for site in sites:  # a flag that is no bool has no effective value to compare
        if (site["path"], site["cell"], site["line"]) in lines:
            site["from_logits"] = None
    return claims(sites)


def refuted(folder: Path, said: list[Claim]) -> list[str]:
    """Meetings that stand where something is claimed, and agree with none of the claims there."""
    problems = []
    for meeting in meetings(folder):
        near = claims_for(meeting, said)
        wrong = [contradictions(c, meeting) for c in near]
        if near and all(wrong):
            problems.append(f"{meeting.places}: {wrong}")
    return problems


def unmeasured(folder: Path, said: list[Claim]) -> list[Claim]:
    """Claims that no meeting of the run confirms."""
    confirmed = [c for m in meetings(folder) for c in claims_for(m, said) if not contradictions(c, m)]
    return [c for c in said if c not in confirmed]


SOURCES: list[Callable[[Path], list[Claim]]] = [expected_claims, scan_claims]


@pytest.mark.parametrize("folder", RUNNABLE, ids=lambda f: f.name)
@pytest.mark.parametrize("source", SOURCES, ids=["expected", "scan"])
def test_keras_does_what_is_claimed(folder: Path, source: Callable[[Path], list[Claim]]) -> None:
    said = source(folder)
    assert not refuted(folder, said)
    assert not unmeasured(folder, said)


def test_enough_is_measured() -> None:
    met = [len(meetings(f)) for f in RUNNABLE]
    assert len(RUNNABLE) >= 75
    assert sum(met) >= 180


SOFTMAX = np.array([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
SIGMOID = np.array([[0.2, 0.9, 0.5], [0.9, 0.1, 0.7]])
LINEAR = np.array([[-3.0, 2.0, 0.5], [0.9, 4.0, 0.0]])
RIGHT = {"loss": "BinaryCrossentropy", "from_logits": True, "scale": "logits", "units": 3, "output": None}


@pytest.mark.parametrize(
    ("array", "scale"),
    [
        (SOFTMAX, "probabilities"),
        (SIGMOID, "independent-probabilities"),
        (LINEAR, "logits"),
        (np.abs(LINEAR), "non-negative"),
        (np.tanh(LINEAR), "bounded"),
        (np.log(SIGMOID), "log-probabilities"),
    ],
)
def test_exactly_one_scale_fits(array: np.ndarray, scale: str) -> None:
    meeting = Meeting("BinaryCrossentropy", True, [], [array, array])
    fitting = [n for n in CONSISTENT if not contradictions(_claim(scale=n), meeting)]
    assert fitting == [scale]


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_logits": False},
        {"units": 4},
        {"loss": "Hinge"},
        {"scale": "unknown"},
        {"scale": "probabilities"},
    ],
    ids=json.dumps,
)
def test_a_wrong_claim_is_noticed(wrong: dict[str, Any]) -> None:
    meeting = Meeting("BinaryCrossentropy", True, [[Place("a.py", None, 3, 5)]], [LINEAR])
    assert not contradictions(_claim(), meeting)
    assert len(contradictions(_claim(**wrong), meeting)) == 1


def test_the_nearest_place_is_asked_first() -> None:
    places = [[Place("a.py", None, 9, 9)], [Place("a.py", None, 3, 5)]]
    near, far = _claim(line=9), _claim(line=4)
    meeting = Meeting("BinaryCrossentropy", True, places, [LINEAR])
    assert claims_for(meeting, [far, near]) == [near]
    assert claims_for(meeting, [far]) == [far]
    assert claims_for(meeting, [_claim(line=40, loss="Hinge")]) == []


def _claim(**changes: Any) -> Claim:
    return Claim(**{"path": "a.py", "cell": None, "line": 4, **RIGHT, **changes})
