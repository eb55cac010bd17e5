"""Programs that run under watch get the verdicts that reading them gives, and those that it can't give.

``KERAS_BACKEND`` chooses the backend; programs that use TensorFlow itself run on TensorFlow only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("keras")

from watching import ONLY_READING, agrees, codes, facts, load, watched

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
pytestmark = pytest.mark.filterwarnings("ignore")


def runs_here(folder: Path) -> bool:
    on_tensorflow = any(b"tensorflow" in file.read_bytes() for file in folder.rglob("*.py"))
    return BACKEND == "tensorflow" or not on_tensorflow


def readable() -> list[Path]:
    """The fixtures that say how to run them, notebooks apart: a script is what can be run."""
    found = []
    for file in sorted(FIXTURES.glob("*/expected.json")):
        how = load(file)["run"]
        if how and how["module"].endswith(".py") and runs_here(file.parent):
            found.append(file.parent)
    return found


OPEN = {
    "503-weighted-means": "a mean written as arithmetic on symbols, never trained: only the scan follows it",
    "933-moved-and-stretched": "arithmetic on symbols, never trained: only the scan follows it",
}
"""Programs of which a run says less than the scan, and why. It never says anything else."""
PARTLY = (
    "761-objects-that-exist-already",
    "764-matched-by-shape",
    "794-layers-by-position",
    "805-a-try-that-is-known-to-raise",
    "809-along-which-axis",
)
"""Programs with a site that a run knows more of than the scan, or does not come to."""
if BACKEND != "tensorflow":
    alone = "an own layer, never trained: only TensorFlow's graph shows its product"
    OPEN |= dict.fromkeys(("283-shadowed-dense", "855-layers-made-of-dense"), alone)


def cases() -> list[Any]:
    marks = {name: [pytest.mark.xfail(reason=why)] for name, why in OPEN.items()}
    return [pytest.param(folder, id=folder.name, marks=marks.get(folder.name, ())) for folder in readable()]


DECIDED = sorted(file.parent for file in FIXTURES.glob("*/run.json"))


@pytest.mark.parametrize("folder", cases())
def test_the_verdicts_are_those_of_the_scan(folder: Path) -> None:
    expected = load(folder / "expected.json")
    report = watched(folder, expected["run"]["module"], expected["run"]["call"])
    seen = facts(report)
    # What reading leaves open, a run may decide, or never reach.
    left = [want for want in expected["sites"] if want["status"] == "undecided" and folder.name in PARTLY]
    told = [want for want in expected["sites"] if want not in left]
    assert [want for want in told if not any(agrees(want, got) for got in seen)] == []
    places = {(want["path"], want["line"]) for want in expected["sites"]}
    assert [got for got in seen if "loss" in got and (got["path"], got["line"]) not in places] == []
    wanted = {(f["path"], f["line"], f["code"]) for f in expected["findings"]}
    more = {one for one in codes(report) if one[:2] in {(site["path"], site["line"]) for site in left}}
    assert codes(report) - more == {one for one in wanted if one[2] not in ONLY_READING}


@pytest.mark.parametrize("folder", DECIDED, ids=lambda folder: folder.name)
def test_what_reading_leaves_open_is_decided(folder: Path) -> None:
    expected = load(folder / "run.json")
    report = watched(folder, expected["script"], "main")
    seen = facts(report)
    assert [want for want in expected["sites"] if not any(agrees(want, got) for got in seen)] == []
    assert all(got["status"] != "undecided" for got in seen)
    assert codes(report) == {(f["path"], f["line"], f["code"]) for f in expected["findings"]}
    read = {site["status"] for site in load(folder / "expected.json")["sites"]}
    assert read == {"undecided"}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="this is the run that it starts")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_on_another_backend(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    environment: dict[str, Any] = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=FIXTURES.parent,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_enough_is_run() -> None:
    assert len(readable()) >= (95 if BACKEND == "tensorflow" else 40)
    assert len(DECIDED) >= 3
