"""Whatever a file holds, auditing it takes seconds and megabytes, and its site is not lost."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pathological import FOUND, HEAD, PROGRAMS, REFUSED, SAFE, TAIL, UNDECIDED

from fromlogits_audit.interp import engine
from fromlogits_audit.interp.run import Run
from fromlogits_audit.interp.state import MAX_STEPS, PATIENCE, WITHOUT_KERAS
from fromlogits_audit.ir import Why
from fromlogits_audit.source.project import Project

SECONDS, MEGABYTES = 10, 500

# Each program is audited in a fork of a process that has loaded everything: what is measured is the audit.
CHILD = """
import json, os, resource, sys, time
from pathlib import Path
from fromlogits_audit.pipeline import audit_source
folder = Path(sys.argv[1])
audit_source([folder / "warm.py"], cwd=folder)
base = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
for path in sorted(folder.glob("case_*")):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (base + 1024 * 2**20, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        start = time.process_time()
        report = audit_source([path], cwd=folder)
        status = Path("/proc/self/status").read_text()
        answer = {
            "seconds": time.process_time() - start,
            "megabytes": int(status.partition("VmHWM:")[2].split()[0]) / 1024,
            "refused": sorted({f.message for f in report.findings if f.code == "FLA001"}),
            "sites": [[judged.site.location.line, judged.status.value] for judged in report.sites],
        }
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    text = os.read(reader, 65_536).decode()
    os.close(reader)
    print(json.dumps({"name": path.name, "status": status, **(json.loads(text) if text else {})}), flush=True)
"""


def notebook(cells: int) -> str:
    body = [f"x{i} = layers.Dense({i})" for i in range(cells)]
    made = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in [HEAD, *body, TAIL]
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


NOTEBOOKS = {"a notebook of 10,000 cells": (notebook(10_000), SAFE)}
CASES = {**PROGRAMS, **NOTEBOOKS}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is measured in /proc")
    folder = tmp_path_factory.mktemp("bounds")
    (folder / "warm.py").write_text(HEAD + TAIL, encoding="utf-8")
    for number, (name, (text, _)) in enumerate(CASES.items()):
        suffix = ".ipynb" if name in NOTEBOOKS else ".py"
        (folder / f"case_{number:03}{suffix}").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = list(CASES)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {names[int(row["name"][5:8])]: row for row in rows}


@functools.cache
def site_line(name: str) -> int:
    """The line of the wrong loss in its file (in its cell, for a notebook)."""
    return TAIL.count("\n") if name in NOTEBOOKS else CASES[name][0].count("\n")


@pytest.mark.parametrize("name", list(CASES))
def test_an_audit_ends_within_its_bounds(name: str, results: dict[str, Any]) -> None:
    got = results[name]
    assert got["status"] == 0, "the process died"
    assert got["seconds"] < SECONDS
    assert got["megabytes"] < MEGABYTES


@pytest.mark.parametrize("name", list(CASES))
def test_its_site_is_found_undecided_or_its_file_refused(name: str, results: dict[str, Any]) -> None:
    got, want = results[name], CASES[name][1]
    assert not any("bug" in message for message in got["refused"])
    sites = dict(got["sites"])
    ending = {"finding": FOUND, "undecided": UNDECIDED}.get(sites.get(site_line(name), ""), "")
    if want == REFUSED:
        assert len(got["refused"]) == 1 and (ending or not sites)
    else:
        assert ending in want.split(" or ") or (want == "nothing" and not sites)


def test_what_stands_before_in_and_after_a_search_without_end(results: dict[str, Any]) -> None:
    assert results["a search without end"]["sites"] == [[19, "undecided"], [21, "finding"], [24, "undecided"]]


SEARCH = """
def search(data):
    total = 0
    return least_squares(data, step0(total), loss="huber")
""" + "".join(f"\ndef step{n}(x):\n    step{n + 1}(x + 1)\n    return step{n + 1}(x)\n" for n in range(20))
"""Each step takes twice the time of the next."""


@pytest.mark.parametrize(
    ("head", "limit"),
    [
        ("import math", MAX_STEPS // WITHOUT_KERAS),
        ("import keras", PATIENCE),
        ("import keras\nlayer = keras.layers.Dense(1)", PATIENCE),  # another run than that of the function
    ],
)
def test_what_makes_nothing_of_keras_is_given_up_sooner(
    head: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scipy.stats is full of losses, and none of them meets a model."""
    run = _searching(f"{head}\n{SEARCH}", tmp_path, monkeypatch)
    assert limit < run.state.steps < limit + 1000


@pytest.mark.parametrize(
    "made",
    [
        "keras.layers.Dense(1)",
        "keras.applications.ResNet50()",
        "keras.losses.MeanSquaredError()",
        "keras.losses.mean_squared_error(data, keras.layers.Dense(1)(data))",
        "tf.compat.v1.layers.dense(data, 2)",
    ],
)
def test_what_makes_something_of_keras_has_the_whole_budget(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SEARCH.replace("total = 0", f"total = 0\n    made = {made}")
    run = _searching(f"import keras\nimport tensorflow as tf\n{text}", tmp_path, monkeypatch)
    assert MAX_STEPS < run.state.steps < MAX_STEPS + 1000


def test_a_loss_for_a_function_that_is_not_entered_is_a_site(tmp_path: Path) -> None:
    text = f"""import keras
from keras.losses import binary_crossentropy
{SEARCH}
def train(model, loss, metrics):
    model.compile("adam", loss=loss, metrics=metrics)

model = keras.Sequential([keras.layers.Dense(1)])
step0(1)
train(model, binary_crossentropy, metrics=[keras.metrics.mean_squared_error])
"""
    (tmp_path / "search.py").write_text(text, encoding="utf-8")
    found = engine.analyse(Project(tmp_path, [tmp_path / "search.py"]), cwd=tmp_path)
    (site,) = [site for site in found.sites if site.location.line == text.count("\n")]
    assert (site.loss and site.loss.name, site.output.known) == ("BinaryCrossentropy", False)
    assert site.output.reason is not None and site.output.reason.why is Why.LIMIT


def _searching(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    runs: list[Run] = []
    monkeypatch.setattr(engine, "Run", lambda *given: runs.append(Run(*given)) or runs[-1])
    (tmp_path / "search.py").write_text(text, encoding="utf-8")
    engine.analyse(Project(tmp_path, [tmp_path / "search.py"]), cwd=tmp_path)
    (run,) = runs
    assert run.state.cut
    return run
