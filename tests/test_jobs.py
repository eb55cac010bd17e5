"""``--jobs``: the same report for every number of processes, and one that dies costs what it held."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
LOSS = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
WRONG = f"import keras\nmodel = keras.Sequential([keras.layers.Dense(3, 'softmax')])\n{LOSS}"

# Every file is a task of its own, however small. The file is the main module of the processes, too.
CHILD = """
import os, sys
from fromlogits_audit import cli, scanning, work, workers
scanning.WORTH_PROCESSES, scanning.SMALL = 0, 1
{patch}
if __name__ == "__main__":
    sys.exit(cli.run(sys.argv[1:]))
"""
KILLS = """
from fromlogits_audit.interp import engine
whole = engine.analyse
def analyse(project, **given):
    if project.files[0].stem == "c" and {condition}:
        os.kill(os.getpid(), 9)
    return whole(project, **given)
engine.analyse = analyse
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in "abcdefgh":
        (folder / f"{name}.py").write_text(WRONG, encoding="utf-8")
    return folder


def started(folder: Path, *arguments: str, patch: str = "", seed: str = "0") -> subprocess.Popen[str]:
    child = folder.parent / "child.py"
    child.write_text(CHILD.format(patch=textwrap.dedent(patch)), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, child, "scan", "--output-format", "json", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def scanned(folder: Path, *arguments: str, patch: str = "", seed: str = "0") -> Any:
    output, errors = started(folder, *arguments, patch=patch, seed=seed).communicate(timeout=120)
    assert errors == ""
    return json.loads(output)


def codes(report: Any) -> dict[str, str]:
    return {finding["path"]: finding["code"] for finding in report["findings"]}


def test_the_report_is_the_same_for_every_number_of_processes(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for path in sorted(FIXTURES.glob("0[0-4]*")):
        shutil.copytree(path, folder / path.name)
    first = scanned(folder, "--show-sites", "--jobs", "1")
    assert first["summary"]["findings"] > 10
    for jobs, seed in (("1", "1"), ("2", "1"), ("5", "2")):
        assert scanned(folder, "--show-sites", "--jobs", jobs, seed=seed) == first


def test_a_small_scan_starts_no_process(project: Path) -> None:
    patch = "scanning.WORTH_PROCESSES = 10_000\nworkers.ProcessPoolExecutor = None\n"
    assert set(codes(scanned(project, "--jobs", "4", patch=patch)).values()) == {"FLA101"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the patch has to reach the processes")
class TestAProcess:
    def test_that_dies_is_one_finding_for_what_it_held(self, project: Path) -> None:
        report = scanned(project, "--jobs", "2", patch=KILLS.format(condition="True"))
        assert codes(report) == {f"{name}.py": "FLA001" if name == "c" else "FLA101" for name in "abcdefgh"}
        (message,) = [one["message"] for one in report["findings"] if one["code"] == "FLA001"]
        assert message.startswith("This file was not analysed: the process that analysed it died.")

    def test_that_dies_by_chance_changes_nothing(self, project: Path) -> None:
        once = "not os.path.exists('../died') and not open('../died', 'w').close()"
        report = scanned(project, "--jobs", "2", patch=KILLS.format(condition=once))
        assert (project.parent / "died").exists()
        assert report == scanned(project, "--jobs", "1")

    def test_that_can_t_start_is_done_without(self, project: Path) -> None:
        patch = "workers._begin = lambda memory: os._exit(3)"
        assert scanned(project, "--jobs", "2", patch=patch) == scanned(project, "--jobs", "1")

    def test_that_takes_too_much_memory_is_one_finding(self, project: Path) -> None:
        patch = KILLS.format(condition="bytearray(2 * 1024**3) and False")
        report = scanned(project, "--jobs", "2", patch=f"workers.MEMORY = 512 * 1024**2\n{patch}")
        assert codes(report) == {f"{name}.py": "FLA001" if name == "c" else "FLA101" for name in "abcdefgh"}
        (message,) = [one["message"] for one in report["findings"] if one["code"] == "FLA001"]
        assert "more memory" in message

    def test_is_replaced_from_time_to_time(self, project: Path) -> None:
        patch = """
            workers.RECYCLED, whole = 200, workers.ProcessPoolExecutor
            def made(*given, **named):
                with open("../pools", "a") as file:
                    file.write("x")
                return whole(*given, **named)
            workers.ProcessPoolExecutor = made
        """
        assert scanned(project, "--jobs", "2", patch=patch) == scanned(project, "--jobs", "1")
        assert 3 <= len((project.parent / "pools").read_text(encoding="utf-8")) <= 8

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    def test_does_not_outlive_a_run_that_is_stopped(self, project: Path, number: int) -> None:
        patch = """
            def run_there(task):
                import time
                open(f"../{os.getpid()}.pid", "w").close()
                time.sleep(60)
            workers.run_there = run_there
        """
        run = started(project, "--jobs", "2", patch=patch)
        pids = waited(lambda: [int(path.stem) for path in project.parent.glob("*.pid")], 2)
        run.send_signal(number)
        _, errors = run.communicate(timeout=20)
        waited(lambda: [pid for pid in pids if not alive(pid)], 2)
        assert errors.strip() == ("interrupted" if number == signal.SIGINT else "")
        assert run.returncode == (2 if number == signal.SIGINT else -number)


def waited(what: Any, count: int) -> list[int]:
    for _ in range(400):
        found: list[int] = what()
        if len(found) == count:
            return found
        time.sleep(0.05)
    raise AssertionError(what())


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 starts no other processes than forks")
def test_a_python_that_is_started_imports_nothing_from_the_folder_that_is_audited(project: Path) -> None:
    for name in ("multiprocessing", "json", "pickle", "libcst", "signal", "site"):
        (project / f"{name}.py").write_text("open('../canary', 'w').close()\n", encoding="utf-8")
    patch = "import multiprocessing\nworkers._context = lambda: multiprocessing.get_context('spawn')\n"
    patch += "work.started = open(f'../{os.getpid()}.pid', 'w').close()"
    report = scanned(project, "--jobs", "2", "a.py", "b.py", patch=patch)
    assert codes(report) == {"a.py": "FLA101", "b.py": "FLA101"}
    assert len(list(project.parent.glob("*.pid"))) == 3
    assert not (project.parent / "canary").exists()
