"""The command end to end: what it prints where, and with which exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from privileges import as_anyone, can_be_anyone

from fromlogits_audit import __version__, cli, pipeline
from fromlogits_audit.cli import ExitCode, run
from fromlogits_audit.config import Settings
from fromlogits_audit.report import Report
from fromlogits_audit.rules import RULES

SEED = """import keras
from keras import layers

model = keras.Sequential([layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10{activation})])
loss_fn = keras.losses.CategoricalCrossentropy({flag})


def step(x, y):
    return loss_fn(y, model(x))
"""
RIGHT = SEED.format(activation="", flag="from_logits=True")
WRONG = SEED.format(activation=', activation="softmax"', flag="from_logits=True")
WARNS = SEED.format(activation=', activation="sigmoid"', flag="from_logits=True")
DEFAULT = SEED.format(activation="", flag="")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without colours from the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "FROMLOGITS_AUDIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def scan(*arguments: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = run(["scan", *arguments])
    out, err = capfd.readouterr()
    return status, out, err


@pytest.mark.parametrize(
    ("code", "status", "codes"),
    [(RIGHT, 0, []), (WRONG, 1, ["FLA101"]), (DEFAULT, 1, ["FLA201"]), (WARNS, 1, ["FLA301"])],
    ids=["logits", "softmax as logits", "logits by default", "sigmoid"],
)
def test_the_seed_case(
    project: Path, capfd: pytest.CaptureFixture[str], code: str, status: int, codes: list[str]
) -> None:
    (project / "train.py").write_text(code, encoding="utf-8")
    got, out, err = scan("--output-format", "json", capfd=capfd)
    document = json.loads(out)
    assert (got, err) == (status, "")
    assert [finding["code"] for finding in document["findings"]] == codes
    assert document["summary"]["sites"] == 1
    assert all(finding["path"] == "train.py" for finding in document["findings"])


@pytest.mark.parametrize(
    ("here", "path", "options", "left"),
    [
        (".", ".", [], ["new/a.py"]),
        ("new", ".", [], ["a.py"]),
        ("src", ".", [], []),
        ("new", "..", [], ["a.py"]),
        ("src", "old/a.py", [], ["old/a.py"]),
        (".", ".", ["--exclude", "new"], ["src/old/a.py"]),
        (".", ".", ["--config", "src/other.toml"], ["src/old/a.py"]),
        (".", ".", ["--exclude", "other, new"], ["src/old/a.py"]),
        ("src", "..", ["--exclude", "src/old"], ["/new/a.py", "old/a.py"]),
    ],
)
def test_configured_exclusions_count_from_their_file_and_given_ones_from_here(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    here: str,
    path: str,
    options: list[str],
    left: list[str],
) -> None:
    for name in ("src/old", "new"):
        (project / name).mkdir(parents=True)
        (project / name / "a.py").write_text(WRONG, encoding="utf-8")
    text = '[tool.fromlogits-audit]\nexclude = ["src/old"]\n'
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    (project / "src" / "other.toml").write_text(text.replace("src/old", "/new"), encoding="utf-8")
    monkeypatch.chdir(project / here)
    document = json.loads(scan(path, *options, "--output-format", "json", capfd=capfd)[1])
    paths = sorted(found["path"].removeprefix(project.as_posix()) for found in document["findings"])
    assert paths == left


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("files", "noted"), [([], True), (["README.md", "stub.pyi"], True), (["empty.py"], False)]
)
def test_a_scan_of_no_file_is_noted(
    project: Path, capfd: pytest.CaptureFixture[str], form: str, files: list[str], noted: bool
) -> None:
    for name in files:
        (project / name).touch()
    note = "No Python file or notebook was found under the given paths.\n" if noted else ""
    status, _, err = scan("--output-format", form, capfd=capfd)
    assert (status, err) == (0, note)
    assert scan("--quiet", capfd=capfd)[1:] == ("", "")


def test_a_finding_shows_both_lines(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    _, out, _ = scan(capfd=capfd)
    assert "--> train.py:5:11" in out
    for line in (WRONG.splitlines()[3], WRONG.splitlines()[4]):
        assert line[:60] in out
    assert "Checked 1 site in 1 file: 0 ok, 1 wrong, 0 undecided." in out


@pytest.mark.parametrize(
    ("code", "options", "status"),
    [
        (WRONG, ["--exit-zero"], 0),
        (WRONG, ["--fail-on", "never"], 0),
        (WRONG, ["--fail-on", "error"], 1),
        (WARNS, ["--fail-on", "error"], 0),
        (WRONG, ["--ignore", "FLA2,FLA101"], 0),
        (WRONG, ["--ignore", "FLA2", "--ignore", "fla1"], 0),
        (WRONG, ["--select", "FLA2"], 0),
        (WRONG, ["--select", "FLA1", "--jobs", "2", "--no-cache"], 1),
        (WRONG, ["--exclude", "train.py"], 0),
        (WRONG, ["train.py", "--keras", "3", "--backend", "jax"], 1),
    ],
)
def test_options_and_the_exit_status(
    project: Path, capfd: pytest.CaptureFixture[str], code: str, options: list[str], status: int
) -> None:
    (project / "train.py").write_text(code, encoding="utf-8")
    assert scan(*options, capfd=capfd)[0] == status


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scan", "missing.py"], "missing.py"),
        (["scan", "--select", "FLA1O1"], "FLA101"),
        (["scan", "--ignore", "XYZ"], "'XYZ'"),
        (["scan", "--fail-on", "fatal"], "--fail-on"),
        (["scan", "--output-format", "xml"], "--output-format"),
        (["scan", "--jobs", "0"], "--jobs"),
        (["scan", "--config", "missing.toml"], "missing.toml"),
        (["scan", "--output-file", "missing/report.txt"], "missing"),
        (["scan", "--stdin-filename", "a.py"], "--stdin-filename"),
        (["scan", "-", "a.py"], "standard input"),
        (["scan", "--no-such-option"], "--no-such-option"),
        (["scan", "--select", ""], "--select is empty"),
        (["scan", "--select", ","], "--select is empty"),
        (["scan", "--exclude", ""], "--exclude is empty"),
        (["scn"], "scn"),
        (["explain", "FLA1O1"], "FLA101"),
        (["explain", "softmax-as-logit"], "softmax-as-logits"),
        (["explain"], "CODE"),
    ],
)
def test_a_wrong_call_is_2_and_says_what_is_wrong_on_stderr(
    project: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    status = run(arguments)
    out, err = capfd.readouterr()
    assert (status, out) == (ExitCode.ERROR, "")
    assert said in err
    assert "Traceback" not in err


def test_configuration_and_what_the_command_line_says_instead(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[tool.fromlogits-audit]\nignore = ["FLA101"]\noutput-format = "concise"\n', encoding="utf-8"
    )
    assert scan("-q", capfd=capfd) == (0, "", "")
    status, out, _ = scan("-q", "--ignore", "FLA2", capfd=capfd)
    assert (status, out.partition(" ")[0]) == (1, "train.py:5:11:")
    (project / "pyproject.toml").write_text("[tool.fromlogits-audit]\nignor = []\n", encoding="utf-8")
    status, out, err = scan(capfd=capfd)
    assert (status, out) == (2, "")
    assert "'ignore'" in err


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("  # noqa: FLA101", 0),
        ("  # noqa", 0),
        ("  # noqa: FLA201", 1),
        ("  # noqa: FLA101 - a known case", 0),
    ],
)
def test_a_comment_in_the_code_silences(
    project: Path, capfd: pytest.CaptureFixture[str], line: str, status: int
) -> None:
    code = WRONG.replace("from_logits=True)", f"from_logits=True){line}")
    (project / "train.py").write_text(code, encoding="utf-8")
    got, out, _ = scan("--output-format", "json", capfd=capfd)
    assert got == status
    assert json.loads(out)["sites"][0]["codes"] == ["FLA101"]


def test_a_report_in_a_file_leaves_stdout_empty_and_has_no_colour(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    assert scan("--output-file", "report.txt", capfd=capfd) == (1, "", "")
    report = (project / "report.txt").read_text(encoding="utf-8")
    assert "FLA101" in report
    assert "\x1b" not in report


def test_a_report_overwrites_nothing_that_was_checked(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    status, _, err = scan("--output-file", "./train.py", capfd=capfd)
    assert (status, "overwrite" in err) == (2, True)
    assert (project / "train.py").read_text(encoding="utf-8") == WRONG


def test_a_dash_is_standard_output(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    status, out, _ = scan("--output-file", "-", capfd=capfd)
    assert (status, "FLA101" in out) == (1, True)
    assert not (project / "-").exists()


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_follows_the_environment(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    coloured: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    assert ("\x1b[" in scan(capfd=capfd)[1]) is coloured


def command(
    *arguments: str, cwd: Path, text: str = "", data: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    root = str(Path(cli.__file__).resolve().parent.parent)
    return subprocess.run(
        [sys.executable, "-m", "fromlogits_audit", *arguments],
        cwd=cwd,
        input=text.encode() if data is None else data,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root, **environment},
    )


def test_standard_input_has_the_name_that_it_is_given(project: Path) -> None:
    done = command(
        "scan", "-", "--stdin-filename", "src/a.py", "--output-format", "concise", cwd=project, text=WRONG
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(b"src/a.py:5:11: FLA101 ")


def notebook(code: str) -> bytes:
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("train.py", b"from head import build\nbuild().compile(loss='categorical_crossentropy')\n"),
        ("train.ipynb", notebook("%time\n" + WRONG)),
        ("train.py", b"# -*- coding: latin-1 -*-\n# \xe9\n" + WRONG.encode()),
        ("train.py", b"\xef\xbb\xbf" + WRONG.replace("\n", "\r\n").encode()),
        ("train.py", b"# \xe9\n" + WRONG.encode()),
        ("train.py", WRONG.encode() + b"x = (\n"),
        ("new/train.py", WRONG.encode() + b"x = 1  # noqa: FLA101\n"),
    ],
    ids=["import", "notebook", "latin-1", "BOM, CRLF", "no UTF-8", "no syntax", "folder, noqa"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_standard_input_is_judged_as_the_file_it_stands_for(
    project: Path, capfdbinary: pytest.CaptureFixture[bytes], form: str, name: str, data: bytes
) -> None:
    head = "import keras\ndef build():\n    return keras.Sequential([keras.layers.Dense(3)])\n"
    (project / "head.py").write_text(head, encoding="utf-8")
    file = project / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    assert run(["scan", name, "--no-cache", "--output-format", form]) == 1
    expected = capfdbinary.readouterr().out
    for there in (b"x = 1\n", None):  # What the disk holds does not matter.
        file.unlink() if there is None else file.write_bytes(there)
        done = command("scan", "-", "--stdin-filename", name, "--output-format", form, cwd=project, data=data)
        assert (done.returncode, done.stderr, done.stdout) == (1, b"", expected)


@pytest.mark.parametrize(
    ("code", "options"),
    [("import keras\nx = (  # noqa\n", []), ("import keras\nx = (\n", ["--baseline", "b.json"])],
)
def test_a_file_that_was_not_read_is_not_all_good(
    project: Path, capfd: pytest.CaptureFixture[str], code: str, options: list[str]
) -> None:
    (project / "train.py").write_text(code, encoding="utf-8")
    run(["scan", "--write-baseline", "b.json"])
    capfd.readouterr()
    status, out, _ = scan(*options, capfd=capfd)
    assert (status, out.splitlines()[0]) == (0, "No findings.")
    assert "1 finding " in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_is_no_reason_to_fail(project: Path, encoding: str) -> None:
    code = WRONG.replace("from_logits=True)", "from_logits=True)  # 損失 é")
    done = command("scan", "-", cwd=project, text=code, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (1, b"")
    assert "# 損失 é".encode(encoding, "backslashreplace") in done.stdout


def test_a_reader_that_stops_early_is_no_error(project: Path) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    root = str(Path(cli.__file__).resolve().parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-m", "fromlogits_audit", "scan"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    assert (process.wait(), errors) == (1, b"")


POSIX = pytest.mark.skipif(os.name == "nt", reason="descriptors and rights of POSIX")


def ended(
    project: Path, *arguments: str, before: Callable[[], object], stdout: int | None = None
) -> tuple[int, str]:
    """Exit status and standard error of the command in a process that does ``before`` first."""
    root = str(Path(cli.__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "fromlogits_audit", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": root},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=before,
    )
    return done.returncode, done.stderr


@POSIX
@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        (1, ["scan"], 1),
        (1, ["scan", "--output-format", "json"], 1),
        (1, ["--version"], 0),
        (2, ["scan", "--output-file", "report.txt"], 1),
        (2, ["scan", "missing.py"], 2),
        (0, ["scan", "-", "--output-file", "report.txt"], 0),
    ],
)
def test_a_closed_stream_changes_no_exit_status(
    project: Path, closed: int, arguments: list[str], status: int
) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    assert ended(project, *arguments, before=lambda: os.close(closed)) == (status, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", ["text", "concise", "json"])
def test_a_full_disk_is_no_bug_of_ours(project: Path, form: str) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        done = ended(project, "scan", "--output-format", form, before=lambda: None, stdout=full.fileno())
    assert done == (2, "error: cannot write to standard output: No space left on device\n")


@POSIX
@pytest.mark.parametrize("arguments", [["scan"], ["model", "m.keras"], ["run", "a.py"], ["cache", "clean"]])
def test_a_folder_that_is_gone_is_said(project: Path, arguments: list[str]) -> None:
    (project / "a.py").touch()
    (project / "gone").mkdir()

    def leave() -> None:
        os.chdir("gone")
        Path("../gone").rmdir()

    arguments = ["../a.py" if word == "a.py" else word for word in arguments]
    status, said = ended(project, *arguments, before=leave)
    assert (status, said) == (2, "error: the current folder can't be used: No such file or directory\n")


@POSIX
@pytest.mark.skipif(not can_be_anyone(), reason="root here can't give up its rights")
@pytest.mark.parametrize(
    ("command", "name"), [("scan", "train.py"), ("scan", "n.ipynb"), ("model", "m.keras")]
)
@pytest.mark.parametrize("named", [True, False])
def test_what_may_not_be_read_is_a_finding_also_where_it_is_named(
    project: Path, command: str, name: str, named: bool
) -> None:
    (project / name).write_text(WRONG, encoding="utf-8")
    (project / name).chmod(0)
    options = ["--output-format", "json", "--output-file", "report.json"]
    assert ended(project, command, name if named else ".", *options, before=as_anyone) == (1, "")
    (finding,) = json.loads((project / "report.json").read_bytes())["findings"]
    assert (finding["code"], finding["path"]) == ("FLA001", name)
    assert "Permission denied" in finding["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
@pytest.mark.parametrize("cached", [False, True])
def test_a_name_that_is_no_text_is_analysed(
    project: Path, capfd: pytest.CaptureFixture[str], cached: bool
) -> None:
    for name in (b"m\xff.py", "mü.py".encode()):
        Path(os.fsdecode(name)).write_text(WRONG, encoding="utf-8")
    Path("main.py").write_text("import mü\n", encoding="utf-8")
    options = ["--output-format", "json"] if cached else ["--output-format", "json", "--no-cache"]
    for _ in range(2):
        document = json.loads(scan(*options, capfd=capfd)[1])
        found = [(one["code"], one["path"]) for one in document["findings"]]
        assert found == [("FLA101", "m\\xff.py"), ("FLA101", "mü.py")]


@pytest.mark.parametrize("debug", [False, True])
def test_our_bug_is_reported_as_ours(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    debug: bool,
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(pipeline, "audit_source", broken)
    if debug:
        monkeypatch.setenv("FROMLOGITS_AUDIT_DEBUG", "1")
    status, out, err = scan(capfd=capfd)
    assert (status, out) == (2, "")
    assert "ZeroDivisionError: by zero" in err
    assert "bug in the tool, not in your code" in err
    assert ("Traceback" in err) is debug


def test_show_sites_and_statistics(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(WRONG, encoding="utf-8")
    _, out, err = scan("--show-sites", "--statistics", "--output-format", "concise", capfd=capfd)
    assert (
        "train.py:5:11: finding CategoricalCrossentropy(from_logits=True) meets output: probabilities" in out
    )
    assert "     1  FLA101  softmax-as-logits" in out
    _, out, err = scan("--statistics", "--output-format", "json", capfd=capfd)
    assert json.loads(out)["summary"]["findings"] == 1
    assert "FLA101" in err


def test_rules_lists_every_rule(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["rules"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in RULES]
    assert run(["rules", "--output-format", "json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["rules"]) == len(RULES)


@pytest.mark.parametrize("word", ["FLA101", "fla101", "softmax-as-logits", "Softmax-As-Logits"])
def test_explain_takes_a_code_or_a_name(capfd: pytest.CaptureFixture[str], word: str) -> None:
    assert run(["explain", word]) == 0
    out = capfd.readouterr().out
    assert out.startswith("FLA101 softmax-as-logits (error)")
    assert "Why it is wrong" in out


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["scan", "-h"], ["rules", "-h"], ["explain", "--help"]]
)
def test_help_is_an_answer(capfd: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: fromlogits-audit" in capfd.readouterr().out


def test_the_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capfd.readouterr().out


def test_a_note_does_not_steer_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    cli.note_beside(Report(notes=("m.keras was not measured: \x1b[2J é",)), Settings())
    assert capfd.readouterr().err == "m.keras was not measured: \\x1b[2J é\n"
