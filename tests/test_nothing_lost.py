"""Kill -9, a full disk, read-only files, changes meanwhile: every file is whole, old or new."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from privileges import as_anyone, can_be_anyone

from fromlogits_audit import fixes
from fromlogits_audit.cache import FILE, FOLDER
from fromlogits_audit.cli import run
from fromlogits_audit.noqa import add_noqa
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.writing import write_whole

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")

KILLS = int(os.environ.get("SOAK_KILLS", "1"))
"""How often each kind of run is killed; ``make soak`` does it a hundred times."""
WRONG = """import keras
m = keras.Sequential([keras.layers.Dense(3)])
m.compile('adam', 'categorical_crossentropy')
"""
FIXED = WRONG.replace("'categorical_crossentropy'", "keras.losses.CategoricalCrossentropy(from_logits=True)")
SILENCED = WRONG.replace("entropy')", "entropy')  # noqa: FLA201")
FILES = 12

# The command, in a process that first says that it is about to begin.
CHILD = """
import sys
import fromlogits_audit.pipeline, fromlogits_audit.fixes, fromlogits_audit.workflow
from fromlogits_audit.cli import run
print("ready", flush=True)
run(sys.argv[1:])
print("done", flush=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"m{number}.py").write_text(WRONG, encoding="utf-8")
    return folder


def start(
    folder: Path, arguments: list[str], *, limit: int | None = None, anyone: bool = False, cache: bool = False
) -> subprocess.Popen[str]:
    """A scan; ``limit``: bytes that a file may have, ``anyone``: without root's rights."""

    def limited() -> None:
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if anyone:
            as_anyone()

    environment = {key: value for key, value in os.environ.items() if key != "FROMLOGITS_AUDIT_NO_CACHE"}
    arguments = arguments if cache else ["--no-cache", *arguments]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, "scan", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )


def whole_report(text: str) -> bool:
    return json.loads(text)["summary"]["files"] == FILES


def whole_baseline(text: str) -> bool:
    return len(json.loads(text)["findings"]) == FILES


REPORT = ["--output-format", "json", "--output-file", "../report.json"]
RUNS: dict[str, tuple[list[str], str, Callable[[str], bool]]] = {
    "fix": (["--fix", *REPORT], FIXED, whole_report),
    "add-noqa": (["--add-noqa", *REPORT], SILENCED, whole_report),
    "baseline": (["--write-baseline", "../report.json"], WRONG, whole_baseline),
    "report": (REPORT, WRONG, whole_report),
}
"""By name: the arguments, what they make of a file, and what the file that they write has to be."""


@pytest.mark.parametrize("name", list(RUNS))
def test_a_kill_leaves_every_file_whole(name: str, project: Path) -> None:
    arguments, after, whole = RUNS[name]
    chance = random.Random(name)
    lasted = _duration(project, arguments)
    for _ in range(KILLS):
        for file in project.glob("*.py"):
            file.write_text(WRONG, encoding="utf-8")
        report = project.parent / "report.json"
        report.unlink(missing_ok=True)
        with start(project, arguments) as child:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            # Most of the writing is at the end.
            time.sleep(lasted * chance.choice([chance.uniform(0, 1.1), chance.uniform(0.8, 1.1)]))
            child.send_signal(signal.SIGKILL)
        assert {file.read_text(encoding="utf-8") for file in project.glob("m*.py")} <= {WRONG, after}
        assert not report.exists() or whole(report.read_text(encoding="utf-8"))
    # What a killed run leaves beside a file does no harm to the next one.
    with start(project, arguments) as child:
        child.communicate()
    assert {file.read_text(encoding="utf-8") for file in project.glob("m*.py")} == {after}


def _duration(project: Path, arguments: list[str]) -> float:
    with start(project, arguments) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        begun = time.monotonic()
        child.stdout.read()
    return time.monotonic() - begun


@pytest.mark.parametrize("name", list(RUNS))
def test_a_full_disk_leaves_every_file_whole(name: str, project: Path) -> None:
    arguments = RUNS[name][0]
    with start(project, arguments, limit=80) as child:
        _, err = child.communicate()
    assert {file.read_text(encoding="utf-8") for file in project.glob("m*.py")} == {WRONG}
    assert sorted(path.name for path in project.iterdir()) == sorted(f"m{n}.py" for n in range(FILES))
    assert not (project.parent / "report.json").exists()
    assert "File too large" in err and "bug" not in err


def test_an_old_report_stays_where_the_new_one_cannot_be_written(project: Path) -> None:
    report = project.parent / "report.json"
    report.write_text("old", encoding="utf-8")
    with start(project, REPORT, limit=80) as child:
        child.communicate()
    assert report.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in project.parent.iterdir()) == ["project", "report.json"]


def test_a_report_may_go_to_a_device(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert run(["scan", "--no-cache", "--output-file", os.devnull]) == 1
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("change", ["fix", "noqa"])
def test_a_file_that_changes_between_reading_and_writing_is_left(change: str, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(WRONG, encoding="utf-8")
    moved = "# a line more\n" + WRONG
    report = audit_source([tmp_path], cwd=tmp_path)
    file.write_text(moved, encoding="utf-8")
    if change == "fix":
        outcome = fixes.mend(lambda: report, tmp_path)
        assert outcome.after == {} and "changed by somebody else" in outcome.notes[0]
    else:
        assert "changed by somebody else" in add_noqa(report, tmp_path).notes[0]
    assert file.read_text(encoding="utf-8") == moved


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "train.py"
    file.write_text(WRONG, encoding="utf-8")
    file.chmod(0o444)
    if os.geteuid() == 0:  # root may write anything; what others would be told is asked of the system
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(PermissionError):
        write_whole(file, b"new")
    assert file.read_text(encoding="utf-8") == WRONG and file.stat().st_mode & 0o777 == 0o444
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.skipif(not can_be_anyone(), reason="root may write into any folder")
def test_nothing_is_fixed_in_a_read_only_folder(project: Path) -> None:
    project.chmod(0o555)
    try:
        with start(project, ["--fix"], anyone=True) as child:
            _, err = child.communicate()
    finally:
        project.chmod(0o755)
    assert "Permission denied" in err and "Fixed 0 problems" in err
    assert {file.read_text(encoding="utf-8") for file in project.glob("m*.py")} == {WRONG}


def test_another_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    """As documented: a file is replaced as a whole, which black and ruff, writing in place, can't promise."""
    file, other = tmp_path / "train.py", tmp_path / "other.txt"
    file.write_bytes(b"old")
    os.link(file, other)
    write_whole(file, b"new")
    assert (file.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_a_file_stays_its_owner_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    file = tmp_path / "train.py"
    file.write_bytes(b"old")
    if os.geteuid() == 0:
        os.chown(file, 1234, 1235)
        write_whole(file, b"new")
        assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1235)
        return
    real = Path.stat

    def foreign(path: Path, **options: Any) -> os.stat_result:
        found = list(real(path, **options))
        if path == file:
            found[4:6] = [1234, 1235]
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", foreign)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((user, group)))
    write_whole(file, b"new")
    assert given == [(1234, 1235)]


# -- the cache ---------------------------------------------------------------------------------------
JSON = ["--output-format", "json"]


def output(folder: Path, *, cache: bool = True, **rights: Any) -> str:
    """What a scan reports, on one line after ``ready``; it says nothing else."""
    with start(folder, JSON, cache=cache, **rights) as child:
        out, err = child.communicate()
    assert err == ""
    return out


def change(project: Path, round_: int) -> None:
    """Another content, so that there is something to be kept, and the same verdicts."""
    for file in project.glob("*.py"):
        file.write_text(f"{WRONG}# {round_}\n", encoding="utf-8")


def assert_cache_is_whole(project: Path) -> None:
    """To SQLite, which takes back what a killed writer had begun; looked at in a copy."""
    copy = project.parent / "copy"
    shutil.copytree(project / FOLDER, copy)
    for name in (".gitignore", "CACHEDIR.TAG"):
        assert not (copy / name).exists() or (copy / name).read_text(encoding="utf-8").endswith("\n")
    if (copy / FILE).exists():
        with closing(sqlite3.connect(copy / FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    shutil.rmtree(copy)


def kill_while_it_writes(child: subprocess.Popen[str], journal: Path, delay: float) -> None:
    """At once when the transaction has begun, and ``delay`` seconds later; or the scan was faster."""
    while child.poll() is None and not journal.exists():
        time.sleep(0.0002)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("others", [0, 1])
def test_a_kill_while_the_cache_is_written_changes_no_report(others: int, project: Path) -> None:
    chance = random.Random(others)
    right = output(project, cache=False)
    torn = 0
    for round_ in range(KILLS):
        change(project, round_)
        if round_ % 4 == 0:
            shutil.rmtree(project / FOLDER, ignore_errors=True)
        beside = [start(project, JSON, cache=True) for _ in range(others)]
        with start(project, JSON, cache=True) as child:
            kill_while_it_writes(child, project / FOLDER / f"{FILE}-journal", chance.choice([0, 0.001, 0.01]))
        for one in beside:
            with one:
                assert one.communicate() == (right, "")
        if (project / FOLDER).exists():
            torn += (project / FOLDER / f"{FILE}-journal").exists()
            assert_cache_is_whole(project)
        assert output(project) == right
        assert_cache_is_whole(project)
    assert output(project) == right  # from what the last one wrote
    # Another scan takes back what was begun, so that nothing of it is left to be seen.
    assert torn or others or KILLS < 20, "no kill met a transaction"


def test_two_scans_at_once_share_a_cache(project: Path) -> None:
    both = [start(project, JSON, cache=True) for _ in range(2)]
    outputs = []
    for one in both:
        with one:
            outputs.append(one.communicate())
    assert outputs == [(output(project, cache=False), "")] * 2
    assert_cache_is_whole(project)
    assert output(project) == outputs[0][0]


def test_a_full_disk_is_a_scan_without_a_cache(project: Path) -> None:
    right = output(project, cache=False)
    for limit in (80, 5_000, 20_000):  # in a label, in the tables, in the entries
        assert output(project, limit=limit) == right
        assert_cache_is_whole(project)
    assert output(project) == right


@pytest.mark.skipif(not can_be_anyone(), reason="root may write into any folder")
def test_a_read_only_folder_is_a_scan_without_a_cache(project: Path) -> None:
    right = output(project, cache=False)
    project.chmod(0o555)
    try:
        assert output(project, anyone=True) == right
    finally:
        project.chmod(0o755)
    assert not (project / FOLDER).exists()
    assert output(project) == right
    # A cache that was made by somebody else: it may be read and not written.
    change(project, 1)
    (project / FOLDER / FILE).chmod(0o444)
    (project / FOLDER).chmod(0o555)
    assert output(project, anyone=True) == right
