"""What the cache saves, what makes an entry worthless, and that a bad cache is a slow run, no more."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fromlogits_audit import recall, work
from fromlogits_audit.cache import FILE, FOLDER, Cache, _packed, _unpacked, clean
from fromlogits_audit.cli import run
from fromlogits_audit.config import Settings
from fromlogits_audit.ir import Scale
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.record import Result
from fromlogits_audit.report import Report
from fromlogits_audit.work import run_task

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
HEAD = "import keras\n\n\ndef head():\n    return keras.Sequential([keras.layers.Dense(3, 'softmax')])\n"
LINEAR = HEAD.replace(", 'softmax'", "")
LOSS = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
TRAIN = f"import keras\nfrom models import head\nmodel = head()\n{LOSS}"
ALONE = f"import keras\nmodel = keras.Sequential([keras.layers.Dense(3, 'softmax')])\n{LOSS}"


class Project:
    """A folder with code, scanned with a cache; ``runs`` are the components that had to be analysed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.runs: list[list[str]] = []
        monkeypatch.setattr(work, "run_task", self._counted)

    def _counted(self, task: work.Task) -> tuple[Result, ...]:
        self.runs += [[path.name for path in component.files] for component in task.components]
        return run_task(task)

    def write(self, **files: str) -> Project:
        for name, text in files.items():
            path = self.folder / (name.replace("__in__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self

    def scan(self, *paths: str, settings: Settings | None = None, cwd: Path | None = None) -> Report:
        """Also holds the result against that of a scan without a cache."""
        given, settings = [self.folder / path for path in paths or ("",)], settings or Settings()
        cwd = cwd or self.folder
        self.runs = []
        report = audit_source(given, settings, cwd=cwd, cache=Cache(self.folder / FOLDER))
        analysed, self.runs = self.runs, []
        plain = audit_source(given, settings, cwd=cwd)
        self.runs = analysed
        for name in ("findings", "sites", "problems", "files", "silenced", "notes"):
            assert getattr(report, name) == getattr(plain, name)
        return report

    @property
    def file(self) -> Path:
        return self.folder / FOLDER / FILE


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(tmp_path, monkeypatch).write(models=HEAD, train=TRAIN, alone=ALONE, quiet="x = 1\n")


def codes(report: Report) -> list[str]:
    return [f"{finding.location.path} {finding.code}" for finding in report.findings]


# -- what it saves -----------------------------------------------------------------------------------
def test_a_second_scan_analyses_nothing(project: Project) -> None:
    first = project.scan()
    assert sorted(project.runs) == [["alone.py"], ["models.py", "train.py"]]
    assert codes(project.scan()) == codes(first) == ["alone.py FLA101", "train.py FLA101"]
    assert project.runs == []


def test_a_changed_module_judges_anew_who_imports_it_and_nobody_else(project: Project) -> None:
    project.scan()
    assert codes(project.write(models=LINEAR).scan()) == ["alone.py FLA101"]
    assert project.runs == [["models.py", "train.py"]]
    assert codes(project.write(models=HEAD).scan()) == ["alone.py FLA101", "train.py FLA101"]
    assert project.runs == []  # both versions are known


def test_a_changed_file_that_no_one_imports_costs_itself(project: Project) -> None:
    project.scan()
    project.write(alone=ALONE.replace("3", "4")).scan()
    assert project.runs == [["alone.py"]]


def test_a_module_outside_the_scan_counts_as_well(project: Project) -> None:
    assert codes(project.scan("train.py")) == ["train.py FLA101"]
    assert codes(project.write(models=LINEAR).scan("train.py")) == []
    assert project.runs == [["train.py"]]


def test_a_module_outside_the_scan_that_is_as_it_was_is_not_what_it_was_between(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan names the entries of its components, and an entry may have been replaced since."""
    monkeypatch.setattr(recall, "_SLACK", -60.0)  # what was written a moment ago will do
    project.write(train=TRAIN.replace("models", "between"), between="from models import head\n")
    project.write(models=HEAD).scan("train.py", "quiet.py")
    assert codes(project.write(models=LINEAR).scan("train.py")) == []
    assert codes(project.write(models=HEAD).scan("train.py", "quiet.py")) == ["train.py FLA101"]


def test_an_entry_that_is_gone_is_made_anew(project: Project) -> None:
    first = codes(project.scan())
    with sqlite3.connect(project.file) as connection:
        (largest,) = connection.execute("SELECT id FROM entries ORDER BY length(value) DESC").fetchone()
        connection.execute("DELETE FROM entries WHERE id = ?", (largest,))
    assert codes(project.scan()) == first
    assert len(project.runs) == 1
    assert codes(project.scan()) == first
    assert project.runs == []


def test_a_module_that_a_module_outside_imports_counts_as_well(project: Project) -> None:
    project.write(train=TRAIN.replace("models", "between"), between="from models import head\n")
    assert codes(project.scan("train.py")) == ["train.py FLA101"]
    assert codes(project.write(models=LINEAR).scan("train.py")) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sub__in__models", LINEAR, []),  # nearer to sub/train.py than models.py
        ("sub__in__other", LINEAR, ["sub/train.py FLA101"]),
    ],
)
def test_a_new_file_counts_where_it_takes_another_s_place(
    project: Project, name: str, text: str, expected: list[str]
) -> None:
    project.write(sub__in__train=TRAIN)
    assert codes(project.scan("sub/train.py")) == ["sub/train.py FLA101"]
    assert codes(project.write(**{name: text}).scan("sub/train.py")) == expected


def test_a_new_file_that_nobody_asks_for_costs_itself(project: Project) -> None:
    project.scan()
    project.write(new=ALONE).scan()
    assert project.runs == [["new.py"]]


def test_a_deleted_module_is_missed(project: Project) -> None:
    project.scan("train.py")
    (project.folder / "models.py").unlink()
    assert codes(project.scan("train.py")) == []


def test_a_link_that_leads_elsewhere_now_counts(project: Project) -> None:
    project.write(one__in__head=HEAD, two__in__head=LINEAR, train=TRAIN.replace("models", "lib.head"))
    (project.folder / "lib").symlink_to("one")
    assert codes(project.scan("train.py")) == ["train.py FLA101"]
    (project.folder / "lib").unlink()
    (project.folder / "lib").symlink_to("two")
    assert codes(project.scan("train.py")) == []


def test_what_a_notebook_writes_is_remembered_with_it(project: Project) -> None:
    cells = [f"%%writefile head.py\n{HEAD}", f"import keras\nfrom head import head\nmodel = head()\n{LOSS}"]
    notebook = {
        "cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (project.folder / "n.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert codes(project.scan("n.ipynb")) == ["n.ipynb FLA101"]
    project.write(other="x = 1\n").scan("n.ipynb")  # the whole scan no longer holds, the component does
    assert project.runs == []


def test_faults_are_remembered(project: Project) -> None:
    project.write(broken="import keras\ndef (:\n")
    assert "broken.py FLA001" in codes(project.scan())
    assert "broken.py FLA001" in codes(project.scan())
    assert project.runs == []


def test_what_went_wrong_on_the_way_is_not_remembered(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> object:
        raise MemoryError("for a moment")

    with monkeypatch.context() as patched:
        patched.setattr("fromlogits_audit.interp.engine.analyse", broken)
        assert {line.split()[1] for line in codes(project.scan())} == {"FLA001"}
    assert codes(project.scan()) == ["alone.py FLA101", "train.py FLA101"]


# -- what else a result depends on -----------------------------------------------------------------------
def test_settings_that_change_the_analysis_change_the_key(project: Project) -> None:
    project.write(odd=f"import keras\nfrom lib import net\nmodel = net()\n{LOSS}")
    declared = Settings(outputs={"lib.net": Scale.PROBABILITIES}, root=project.folder)
    assert "odd.py FLA101" not in codes(project.scan())
    assert "odd.py FLA101" in codes(project.scan(settings=declared))
    assert "odd.py FLA101" not in codes(project.scan())
    assert project.runs == []


def test_settings_that_select_findings_share_the_entries(project: Project) -> None:
    project.scan()
    assert codes(project.scan(settings=Settings(ignore=("FLA101",)))) == []
    assert project.runs == []


def test_a_pinned_runtime_is_looked_up_anew(project: Project) -> None:
    project.scan()
    (project.folder / "requirements.txt").write_text("keras<3\n", encoding="utf-8")
    assert {one.site.runtime.keras for one in project.scan().sites} == {2}
    assert project.runs == []


def test_paths_are_shown_from_where_one_stands(project: Project) -> None:
    project.scan()
    assert codes(project.scan(cwd=project.folder.parent))[0].startswith(project.folder.name)


def test_a_comment_counts_though_the_analysis_is_remembered(project: Project) -> None:
    project.scan()
    text = ALONE.replace(LOSS, f"{LOSS.rstrip()}  # noqa: FLA101\n")
    assert codes(project.write(alone=text).scan()) == ["train.py FLA101"]
    assert codes(project.scan()) == ["train.py FLA101"]
    assert project.runs == []


def test_another_version_of_this_tool_starts_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.scan()
    monkeypatch.setattr("fromlogits_audit.recall._tool", lambda: "another")
    project.scan()
    assert len(project.runs) == 2


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(task: work.Task) -> tuple[Result, ...]:
        results = run_task(task)
        project.write(models=LINEAR)
        return results

    monkeypatch.setattr(work, "run_task", meanwhile)
    audit_source([project.folder / "train.py"], cwd=project.folder, cache=Cache(project.folder / FOLDER))
    monkeypatch.setattr(work, "run_task", project._counted)
    project.write(models=HEAD).scan("train.py")
    assert project.runs == [["train.py"]]


def edited(folder: Path, choice: random.Random) -> None:
    """One change of some kind to the files of a project."""
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())
    one, other = choice.choice(files), choice.choice(files)
    kind = choice.choice(["comment", "swap", "delete", "copy", "package", "link"])
    texts = one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")
    if kind == "comment":
        one.write_text(f"# changed\n{texts[0]}", encoding="utf-8")
    elif kind == "swap":
        one.write_text(texts[1], encoding="utf-8")
        other.write_text(texts[0], encoding="utf-8")
    elif kind == "delete" and len(files) > 3:
        one.unlink()
    elif kind == "copy":
        (one.parent / other.name).write_text(texts[1], encoding="utf-8")
    elif kind == "package":
        (one.parent / other.stem).mkdir(exist_ok=True)
        (one.parent / other.stem / "__init__.py").write_text(texts[1], encoding="utf-8")
    elif kind == "link" and one != other:
        one.unlink()
        one.symlink_to(other)


@pytest.mark.parametrize("seed", range(4))
def test_no_series_of_changes_gives_another_report_than_without_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    choice, project = random.Random(seed), Project(tmp_path, monkeypatch)
    several = [path for path in sorted(FIXTURES.glob("[0-9]*")) if len(list(path.rglob("*.py"))) > 1]
    for path in choice.sample(several, 3):
        shutil.copytree(path, tmp_path if choice.random() < 0.5 else tmp_path / path.name, dirs_exist_ok=True)
    for _ in range(10):
        project.scan()  # compares the two
        edited(tmp_path, choice)


# -- a file that is no good --------------------------------------------------------------------------------
def _text(file: Path) -> None:
    file.write_text("not a database at all, and long enough to be looked at", encoding="utf-8")


def _half(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def _holes(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(4096, len(data), 97):
        data[at] ^= 0xFF
    file.write_bytes(data)


def _other_values(file: Path) -> None:
    """Every value under another's key."""
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT id, value FROM entries ORDER BY id").fetchall()
        for (number, _), (_, value) in zip(rows, rows[1:] + rows[:1], strict=True):
            connection.execute("UPDATE entries SET value = ? WHERE id = ?", (value, number))


def _other_tables(file: Path) -> None:
    """A view in the place of the table, whose rows never end."""
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "DROP TABLE entries; CREATE VIEW entries AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
            "SELECT x + 1 FROM n) SELECT x AS key, 1 AS used, x AS value FROM n"
        )


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_text, _half, _holes, _other_values, _other_tables, _empty])
def test_a_damaged_file_is_made_anew(project: Project, damage: Callable[[Path], None]) -> None:
    first = codes(project.scan())
    damage(project.file)
    assert codes(project.scan()) == first
    assert len(project.runs) == 2
    for _ in range(2):  # What is damaged may come to light in the middle: then the file is dropped first.
        assert codes(project.scan()) == first
    assert project.runs == []


def test_an_entry_that_names_other_people_s_files_is_not_believed(project: Project, tmp_path: Path) -> None:
    """The folder may come with the code: no report shows a line of a file that is not the project's."""
    secret = tmp_path.parent / "secret.py"
    secret.write_text("password = 1\n" * 9, encoding="utf-8")
    project.scan("alone.py")
    with sqlite3.connect(project.file) as connection:
        for number, key, packed in connection.execute("SELECT id, key, value FROM entries").fetchall():
            value = _unpacked(key, packed)
            assert value is not None
            changed = value.replace(str(project.folder / "alone.py").encode(), str(secret).encode())
            connection.execute("UPDATE entries SET value = ? WHERE id = ?", (_packed(key, changed), number))
    assert codes(project.scan("alone.py")) == ["alone.py FLA101"]
    assert project.runs == [["alone.py"]]


def test_a_locked_file_is_a_slow_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fromlogits_audit.cache.PATIENCE", 0.01)
    first = codes(project.scan())
    with sqlite3.connect(project.file, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert codes(project.scan()) == first
        assert len(project.runs) == 2
        other.execute("ROLLBACK")
    project.scan()
    assert project.runs == []


@pytest.mark.parametrize("kind", ["a file", "a link", "a pipe inside", "a folder inside"])
def test_a_folder_that_is_none_is_left_alone(project: Project, tmp_path: Path, kind: str) -> None:
    folder, elsewhere = project.folder / FOLDER, tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "a file":
        folder.write_text("", encoding="utf-8")
    elif kind == "a link":
        folder.symlink_to(elsewhere)
    else:
        folder.mkdir()
        (os.mkfifo if kind == "a pipe inside" else os.mkdir)(folder / FILE)
    for _ in range(2):
        assert codes(project.scan()) == ["alone.py FLA101", "train.py FLA101"]
        assert len(project.runs) == 2
    assert list(elsewhere.iterdir()) == []


def test_a_disk_that_is_full_is_no_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("fromlogits_audit.cache._prune", full)
        assert codes(project.scan()) == ["alone.py FLA101", "train.py FLA101"]
    project.scan()
    assert len(project.runs) == 2  # nothing was kept
    project.scan()
    assert project.runs == []


# -- the file itself -----------------------------------------------------------------------------------------
def test_the_file_is_bounded_and_what_is_used_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = 0
    monkeypatch.setattr("fromlogits_audit.cache._today", lambda: day)
    folder, limit = tmp_path / FOLDER, 400_000
    keys = [bytes([number]) * 20 for number in range(60)]
    for day in range(60):
        cache = Cache(folder, limit=limit)
        cache.get([keys[0]])
        cache.put(keys[day], os.urandom(30_000))
        cache.close()
    assert (folder / FILE).stat().st_size < limit + 100_000
    left = Cache(folder).get(keys)
    assert keys[0] in left
    assert keys[59] in left
    assert 5 < len(left) < 15


def test_several_threads_and_processes_write_at_once(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from fromlogits_audit.cache import Cache
        mine = int(sys.argv[2])
        for number in range(30):
            cache = Cache(Path(sys.argv[1]))
            cache.put(bytes([mine, number]) * 10, b"%d %d" % (mine, number))
            cache.close()
    """)
    folder = tmp_path / FOLDER
    runs = [subprocess.Popen([sys.executable, "-c", code, folder, str(mine)], cwd=ROOT) for mine in range(3)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    keys = {
        bytes([mine, number]) * 10: b"%d %d" % (mine, number) for mine in range(3) for number in range(30)
    }
    assert Cache(folder).get(keys) == keys


def test_a_run_that_is_killed_while_it_writes_leaves_a_good_file(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from fromlogits_audit.cache import Cache
        cache, number = Cache(Path(sys.argv[1])), 0
        print("go", flush=True)
        while True:
            number += 1
            cache.put(number.to_bytes(20, "big"), os.urandom(200_000))
            cache.flush()
    """)
    folder = tmp_path / FOLDER
    cache = Cache(folder)
    cache.put(b"k" * 20, b"value")
    cache.close()
    for round_ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", code, folder], cwd=ROOT, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        threading.Event().wait(0.05 + 0.04 * round_)
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
        writer.stdout.close()
        cache = Cache(folder)
        assert cache.get([b"k" * 20]) == {b"k" * 20: b"value"}
        cache.put(b"l" * 20, b"%d" % round_)
        cache.close()
        assert Cache(folder).get([b"l" * 20]) == {b"l" * 20: b"%d" % round_}


# -- the command ---------------------------------------------------------------------------------------------
@pytest.fixture
def caching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FROMLOGITS_AUDIT_NO_CACHE")


@pytest.mark.usefixtures("caching")
def test_the_command_keeps_a_cache_that_git_does_not_see(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    assert run(["scan"]) == run(["scan"]) == 1
    assert len(project.runs) == 2
    assert (project.folder / FOLDER / ".gitignore").read_text(encoding="utf-8").endswith("\n*\n")
    assert (project.folder / FOLDER / "CACHEDIR.TAG").exists()


@pytest.mark.usefixtures("caching")
@pytest.mark.parametrize("how", ["option", "key", "variable"])
def test_no_cache_neither_reads_nor_writes_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(project.folder)
    if how == "key":
        text = "[tool.fromlogits-audit]\nno-cache = true\n"
        (project.folder / "pyproject.toml").write_text(text, encoding="utf-8")
    if how == "variable":
        monkeypatch.setenv("FROMLOGITS_AUDIT_NO_CACHE", "1")
    assert run(["scan", *(["--no-cache"] if how == "option" else [])]) == 1
    assert not (project.folder / FOLDER).exists()


@pytest.mark.usefixtures("caching")
def test_the_cache_lies_beside_the_configuration(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.folder / "pyproject.toml").write_text("", encoding="utf-8")
    (project.folder / "sub").mkdir()
    monkeypatch.chdir(project.folder / "sub")
    run(["scan", "../alone.py"])
    assert project.file.exists()
    assert run(["cache", "clean"]) == 0
    assert not (project.folder / FOLDER).exists()


@pytest.mark.usefixtures("caching")
def test_fixes_are_the_same_with_a_warm_cache(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    run(["scan"])
    assert run(["scan", "--fix"]) == 0
    assert "from_logits" not in (project.folder / "train.py").read_text(encoding="utf-8")
    assert run(["scan"]) == 0


def test_clean_takes_what_is_ours(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.folder)
    project.scan()
    (project.folder / FOLDER / "mine.txt").write_text("", encoding="utf-8")
    (project.folder / FOLDER / "..gitignore.a1b2c3d4").write_text("", encoding="utf-8")  # of a killed run
    assert run(["cache", "clean"]) == 0
    assert [path.name for path in (project.folder / FOLDER).iterdir()] == ["mine.txt"]
    assert "Removed" in capsys.readouterr().err
    (project.folder / FOLDER / "mine.txt").unlink()
    (project.folder / FOLDER).rmdir()
    assert run(["cache", "clean"]) == 0
    assert "no cache" in capsys.readouterr().err


def test_clean_follows_no_link(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE).write_text("", encoding="utf-8")
    (project.folder / FOLDER).symlink_to(elsewhere)
    assert not clean(project.folder / FOLDER)
    assert (elsewhere / FILE).exists()


def test_a_scan_that_is_answered_from_the_cache_loads_neither_parser_nor_terminal_library(
    project: Project,
) -> None:
    project.write(clean=ALONE.replace("True", "False"))
    code = (
        "import json, sys; from fromlogits_audit.cli import run; "
        f"status = run(['scan', {str(project.folder)!r}]); "
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "FROMLOGITS_AUDIT_NO_CACHE"}
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=project.folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 1, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert loaded.isdisjoint({"libcst", "rich", "tensorflow", "multiprocessing", "concurrent"})
    ours = {"fromlogits_audit.interp.engine", "fromlogits_audit.catalogue.layers"}
    assert ours.isdisjoint(json.loads(done.stderr))


def test_digests_are_those_of_hashlib_without_what_it_loads() -> None:
    code = (
        "import sys; from fromlogits_audit.blake import blake2b; "
        "print('_hashlib' in sys.modules, blake2b(b'a').hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", hashlib.blake2b(b"a").hexdigest()]
