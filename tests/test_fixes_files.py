"""How fixes reach the disk: bytes, notebooks, rights, links, a killed run, and what the command says."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit import fixes
from fromlogits_audit.cli import run
from fromlogits_audit.finding import Applicability, Edit, Finding, Fix, Severity
from fromlogits_audit.ir import Location
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.report import Report
from fromlogits_audit.source.rewrite import rewritten

MODEL = "import keras\nm = keras.Sequential([keras.layers.Dense(3)])\n"
WRONG = MODEL + "m.compile('adam', 'categorical_crossentropy')\n"
RIGHT = WRONG.replace("'categorical_crossentropy'", "keras.losses.CategoricalCrossentropy(from_logits=True)")


def fix(folder: Path) -> Report:
    return fixes.fix(partial(audit_source, [folder], cwd=folder), folder)


# -- modules -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WRONG.encode(), RIGHT.encode()),
        (WRONG.replace("\n", "\r\n").encode(), RIGHT.replace("\n", "\r\n").encode()),
        (WRONG.replace("\n", "\r").encode(), RIGHT.replace("\n", "\r").encode()),
        (b"\xef\xbb\xbf" + WRONG.encode(), b"\xef\xbb\xbf" + RIGHT.encode()),
        (
            ("# -*- coding: latin-1 -*-\n# Gr\u00f6\u00dfe\n" + WRONG).encode("latin-1"),
            ("# -*- coding: latin-1 -*-\n# Gr\u00f6\u00dfe\n" + RIGHT).encode("latin-1"),
        ),
        (("\u00e4 = '\U0001f600'; " + WRONG).encode(), ("\u00e4 = '\U0001f600'; " + RIGHT).encode()),
        (WRONG.rstrip("\n").encode(), RIGHT.rstrip("\n").encode()),
        (("x = 1\f\n\f\n" + WRONG).encode(), ("x = 1\f\n\f\n" + RIGHT).encode()),
        (
            WRONG.replace("m.c", "if m:\n \f\f  m.c").encode(),
            RIGHT.replace("m.c", "if m:\n \f\f  m.c").encode(),
        ),
    ],
    ids=[
        *("lf", "crlf", "cr", "bom", "latin-1", "wide characters", "no last line end"),
        *("form feeds", "form feeds before indentation"),
    ],
)
def test_everything_outside_the_edit_keeps_its_bytes(tmp_path: Path, before: bytes, after: bytes) -> None:
    file = tmp_path / "train.py"
    file.write_bytes(before)
    fix(tmp_path)
    assert file.read_bytes() == after


def test_an_import_ends_its_line_as_the_file_does(tmp_path: Path) -> None:
    text = "from keras import Sequential\nfrom keras.layers import Dense\nm = Sequential([Dense(3)])\n"
    file = tmp_path / "train.py"
    file.write_bytes(
        (text + "m.compile('adam', 'categorical_crossentropy')\n").replace("\n", "\r\n").encode()
    )
    fix(tmp_path)
    lines = file.read_bytes().split(b"\r\n")
    assert lines[0] == b"from keras.losses import CategoricalCrossentropy"
    assert not any(b"\n" in line or b"\r" in line for line in lines)


def test_rights_and_links_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.txt"
    real.write_text(WRONG, encoding="utf-8")
    real.chmod(0o751)
    (tmp_path / "train.py").symlink_to(real)
    fixes.fix(partial(audit_source, [tmp_path / "train.py"], cwd=tmp_path), tmp_path)
    assert (tmp_path / "train.py").is_symlink()
    assert real.read_text(encoding="utf-8") == RIGHT
    assert real.stat().st_mode & 0o777 == 0o751
    assert sorted(path.name for path in tmp_path.iterdir()) == ["real.txt", "train.py"]


def test_a_file_that_somebody_else_changed_meanwhile_is_left_to_them(tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(WRONG, encoding="utf-8")
    outcome = fixes.mend(partial(audit_source, [tmp_path], cwd=tmp_path), tmp_path)
    file.write_text("changed = True\n", encoding="utf-8")
    written = fixes.write(outcome, tmp_path)
    assert file.read_text(encoding="utf-8") == "changed = True\n"
    assert written.after == {} and written.done == ()
    assert written.notes == ("train.py: not fixed: it was changed by somebody else meanwhile",)


def test_what_cannot_be_written_is_still_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text(WRONG, encoding="utf-8")

    def full(target: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fixes, "write_whole", full)
    report = fix(tmp_path)
    assert [found.code for found in report.findings] == ["FLA201"]
    assert report.notes == (
        "train.py: not fixed: No space left on device",
        "Fixed 0 problems in 0 files.",
    )


# -- fixes that are not right --------------------------------------------------------------------
def reporting(folder: Path, *edits: Edit) -> Report:
    """A report with one finding whose fix makes these edits."""
    made = Fix("Break it", Applicability.SAFE, edits)
    place = Location("train.py", None, 1, 1, 1, 2)
    finding = Finding("FLA101", "softmax-as-logits", Severity.ERROR, "", place, fixes=(made,))
    return Report(findings=(finding,), paths=frozenset({"train.py"}))


def edit(line: int, column: int, end_column: int, text: str) -> Edit:
    return Edit(Location("train.py", None, line, column, line, end_column), text)


@pytest.mark.parametrize(
    ("edits", "note"),
    [
        (
            [edit(1, 1, 7, "import (")],
            "train.py: Break it: not applied: the result would not parse in line",
        ),
        (
            [edit(1, 1, 7, "import"), edit(3, 1, 2, "m(")],
            "train.py: Break it: not applied: the result would not",
        ),
    ],
    ids=["one edit", "one of two"],
)
def test_a_fix_whose_result_does_not_parse_is_not_applied_and_said(
    tmp_path: Path, edits: list[Edit], note: str
) -> None:
    (tmp_path / "train.py").write_text(WRONG, encoding="utf-8")
    report = fixes.fix(lambda: reporting(tmp_path, *edits), tmp_path)
    assert (tmp_path / "train.py").read_text(encoding="utf-8") == WRONG
    assert report.notes[0].startswith(note)
    assert report.notes[-1] == "Fixed 0 problems in 0 files."


def test_a_fix_whose_edits_overlap_is_never_applied(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(WRONG, encoding="utf-8")
    report = reporting(tmp_path, edit(1, 1, 7, "a"), edit(1, 5, 9, "b"))
    assert fixes.mend(lambda: report, tmp_path).after == {}


def test_a_fix_of_a_file_that_was_not_asked_for_is_not_applied(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("x = 1\n", encoding="utf-8")
    report = reporting(tmp_path, Edit(Location("other.py", None, 1, 1, 1, 2), "y"))
    assert fixes.mend(lambda: report, tmp_path).after == {}


def test_overlapping_edits_of_one_file_are_an_error() -> None:
    with pytest.raises(ValueError, match="overlap"):
        rewritten(WRONG.encode(), Path("train.py"), [edit(1, 1, 7, "a"), edit(1, 5, 9, "b")])


# -- notebooks -----------------------------------------------------------------------------------
def notebook(*cells: Any, **more: Any) -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"z": 1, "a": 2},
                "outputs": [{"text": "\u00e4\u20ac"}],
                "source": cell,
            }
            for cell in cells
        ],
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
        **more,
    }


LISTED = [
    '# Gr\u00f6\u00dfe \\n "x"\n',
    "m.compile('adam',\n",
    "          'categorical_crossentropy')\n",
    "m.summary()",
]
CELL = "%matplotlib inline\nimport keras\nm = keras.Sequential([keras.layers.Dense(3)])"
OLD, NEW = "'categorical_crossentropy'", "keras.losses.CategoricalCrossentropy(from_logits=True)"


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "utf-8"])
@pytest.mark.parametrize("indent", [None, 1, "\t"], ids=["one line", "indent 1", "tabs"])
@pytest.mark.parametrize("source", [LISTED, "".join(LISTED)], ids=["list", "text"])
def test_of_a_notebook_only_the_edited_words_change(
    tmp_path: Path, source: Any, indent: Any, ascii_only: bool
) -> None:
    text = json.dumps(notebook(CELL, source), indent=indent, ensure_ascii=ascii_only) + "\n" * bool(indent)
    file = tmp_path / "train.ipynb"
    file.write_bytes(text.encode())
    fix(tmp_path)
    assert file.read_bytes() == text.replace(OLD, NEW).encode()
    fix(tmp_path)
    assert file.read_bytes() == text.replace(OLD, NEW).encode()


def test_an_inserted_line_is_a_line_of_its_own_in_a_list(tmp_path: Path) -> None:
    cells = [
        ["from keras import Sequential\n", "from keras.layers import Dense"],
        ["m = Sequential([Dense(3)])\n", f"m.compile('adam', {OLD})"],
    ]
    text = json.dumps(notebook(*cells), indent=1)
    file = tmp_path / "train.ipynb"
    file.write_text(text, encoding="utf-8")
    fix(tmp_path)
    cells[0].insert(0, "from keras.losses import CategoricalCrossentropy\n")
    cells[1][1] = cells[1][1].replace(OLD, "CategoricalCrossentropy(from_logits=True)")
    assert file.read_text(encoding="utf-8") == json.dumps(notebook(*cells), indent=1)


def test_a_removal_over_several_lines_of_a_list_joins_them(tmp_path: Path) -> None:
    soft = CELL.replace("Dense(3)", "Dense(3, activation='softmax')")
    call = [
        "m.compile('adam', keras.losses.CategoricalCrossentropy(\n",
        "    axis=-1,\n",
        "    from_logits=True))\n",
        "1",
    ]
    file = tmp_path / "train.ipynb"
    file.write_text(json.dumps(notebook(soft, call), indent=1), encoding="utf-8")
    fix(tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    joined = [call[0], "    axis=-1))\n", "1"]
    assert document == notebook(soft, joined)


def test_notebooks_of_format_3_are_rewritten_in_their_input(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "input": [CELL + "\n"]},
        {"cell_type": "code", "input": LISTED, "outputs": []},
    ]
    text = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {}}, indent=2)
    file = tmp_path / "old.ipynb"
    file.write_text(text, encoding="utf-8")
    fix(tmp_path)
    assert file.read_text(encoding="utf-8") == text.replace(OLD, NEW)


# -- a killed run --------------------------------------------------------------------------------
WRITER = """
import sys, itertools
from pathlib import Path
from fromlogits_audit.writing import write_whole
target = Path(sys.argv[1])
whole = [bytes([letter]) * 4_000_000 for letter in b"ab"]
print("ready", flush=True)
for data in itertools.cycle(whole):
    write_whole(target, data)
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_a_kill_at_any_moment_leaves_the_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "train.py"
    target.write_bytes(b"a" * 4_000_000)
    moments = random.Random(5)
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0.01, 0.15))
            writer.send_signal(signal.SIGKILL)
        data = target.read_bytes()
        assert len(data) == 4_000_000 and len(set(data)) == 1


# -- the command ---------------------------------------------------------------------------------
@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(WRONG, encoding="utf-8")
    return tmp_path


DIFF = """--- train.py
+++ train.py
@@ -1,3 +1,3 @@
 import keras
 m = keras.Sequential([keras.layers.Dense(3)])
-m.compile('adam', 'categorical_crossentropy')
+m.compile('adam', keras.losses.CategoricalCrossentropy(from_logits=True))
"""


def test_diff_prints_what_fix_would_do_and_writes_nothing(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "--diff"]) == 1
    out, err = capfd.readouterr()
    assert (out, err) == (DIFF, "Would fix 1 problem in 1 file.\n")
    assert (project / "train.py").read_text(encoding="utf-8") == WRONG


@pytest.mark.skipif(os.name == "nt", reason="names that Windows does not allow")
def test_git_applies_a_diff_to_files_of_any_name(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = ["train.py", "with blank.py", "größe.py", "new\nline.py", 'a "quote".py', "a\ttab.py"]
    for name in names:
        (project / name).write_text(WRONG, encoding="utf-8")
    assert run(["scan", "--diff", "--output-file", "fixes.diff"]) == 1
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", "apply", "-p0", "fixes.diff"], cwd=project, check=True)
    assert [(project / name).read_text(encoding="utf-8") for name in names] == [RIGHT] * len(names)


def test_fix_reports_what_remains_and_exits_by_it(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "left.py").write_text(WRONG.replace(OLD, "keras.losses.KLDivergence()"), encoding="utf-8")
    assert run(["scan", "--fix", "--output-format", "json"]) == 1
    out, err = capfd.readouterr()
    assert [(found["code"], found["path"]) for found in json.loads(out)["findings"]] == [
        ("FLA203", "left.py")
    ]
    assert err == "Fixed 1 problem in 1 file.\n"
    assert run(["scan", "--fix", "--unsafe-fixes"]) == 0
    assert "Fixed 1 problem in 1 file." in capfd.readouterr().err
    assert run(["scan"]) == 0


@pytest.mark.parametrize(
    ("keys", "arguments", "status", "said", "mended"),
    [
        (["fix"], [], 1, "Fixed 1 problem in 1 file.", ["train.py"]),
        (["fix", "unsafe-fixes"], [], 0, "Fixed 2 problems in 2 files.", ["train.py", "left.py"]),
        (["unsafe-fixes"], ["--fix"], 0, "Fixed 2 problems in 2 files.", ["train.py", "left.py"]),
        (["diff"], [], 1, "Would fix 1 problem in 1 file.", []),
        (["fix", "diff"], [], 1, "Would fix 1 problem in 1 file.", []),
        (["diff"], ["--add-noqa"], 2, "--add-noqa can't be used with it", []),
        (["fix", "diff"], ["-"], 0, "", []),
    ],
)
def test_the_configuration_asks_for_fixes_as_the_options_do(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    keys: list[str],
    arguments: list[str],
    status: int,
    said: str,
    mended: list[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    texts = {"train.py": WRONG, "left.py": WRONG.replace(OLD, "keras.losses.KLDivergence()")}
    for name, text in texts.items():
        (project / name).write_text(text, encoding="utf-8")
    lines = ["[tool.fromlogits-audit]", *(f"{key} = true" for key in keys)]
    (project / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")
    assert run(["scan", *arguments]) == status
    assert said in capfd.readouterr().err
    changed = [name for name, text in texts.items() if (project / name).read_text(encoding="utf-8") != text]
    assert changed == mended


def test_the_json_report_carries_the_fixes(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["scan", "--output-format", "json"])
    (found,) = json.loads(capfd.readouterr().out)["findings"]
    assert found["fixes"][0] == {
        "title": "Set from_logits=True",
        "applicability": "safe",
        "edits": [
            {
                "path": "train.py",
                "cell": None,
                "line": 3,
                "column": 19,
                "end_line": 3,
                "end_column": 45,
                "text": NEW,
            }
        ],
    }
    assert found["fixes"][1]["applicability"] == "unsafe"


@pytest.mark.parametrize("option", ["--fix", "--diff", "--add-noqa"])
def test_standard_input_cannot_be_fixed(
    project: Path, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    assert run(["scan", "-", "--stdin-filename", "train.py", option]) == 2
    assert f"{option} needs files; standard input can't be written back" in capfd.readouterr().err
    assert (project / "train.py").read_text(encoding="utf-8") == WRONG


def test_a_diff_marks_a_last_line_without_an_end(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(WRONG.rstrip("\n"), encoding="utf-8")
    run(["scan", "--diff"])
    assert capfd.readouterr().out.count("\\ No newline at end of file\n") == 2
