"""Baselines, comments that the tool writes, changed files, shards: what a team does with old findings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fromlogits_audit import baseline
from fromlogits_audit.cli import run
from fromlogits_audit.errors import UsageError
from fromlogits_audit.fingerprint import Identity
from fromlogits_audit.narrow import parse_shard

HEAD = """import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
"""
BAD = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
WRONG = HEAD + BAD
RIGHT = HEAD + 'model.compile(loss="categorical_crossentropy")\n'
UNDECIDED = "import keras\nkeras.models.load_model('m.keras').compile(loss='categorical_crossentropy')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; ``a.py`` has one finding."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(WRONG, encoding="utf-8")
    return tmp_path


def scan(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """Exit status, the codes with their lines, and standard error."""
    status = run(["scan", "--output-format", "json", *arguments])
    out, err = capfd.readouterr()
    found = json.loads(out)["findings"] if out else []
    return status, [f"{f['path']}:{f['line']} {f['code']}" for f in found], err


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


# -- baseline ------------------------------------------------------------------------------------
def test_a_baseline_parks_what_is_there_and_lets_new_findings_through(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, found, err = scan(capfd, "--write-baseline", "b.json")
    assert (status, found, err) == (0, [], "Wrote b.json: 1 finding in the baseline.\n")
    assert scan(capfd, "--baseline", "b.json") == (0, [], "")
    (project / "b.py").write_text(WRONG, encoding="utf-8")
    assert scan(capfd, "--baseline", "b.json")[:2] == (1, ["b.py:4 FLA101"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"""New text above."""\n\nimport os\n' + WRONG, []),
        (WRONG + "\nprint(model)\n", []),
        (WRONG.replace("model.compile(loss", "model.compile( loss"), ["a.py:4 FLA101"]),
        (WRONG + BAD, ["a.py:5 FLA101"]),
        (WRONG.replace(", activation", ",   activation"), []),
        (WRONG.replace("Categorical", "SparseCategorical"), ["a.py:4 FLA101"]),
        (f"{HEAD}def f():\n    {BAD}\nf()\n", []),
    ],
    ids=["above", "below", "the line itself", "a copy", "the layer's blanks", "another loss", "indented"],
)
def test_an_entry_is_known_by_its_own_code(
    project: Path, capfd: pytest.CaptureFixture[str], text: str, expected: list[str]
) -> None:
    scan(capfd, "--write-baseline", "b.json")
    (project / "a.py").write_text(text, encoding="utf-8")
    assert scan(capfd, "--baseline", "b.json")[1] == expected


def test_a_baseline_is_the_same_bytes_every_time_and_counts_from_its_own_folder(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "src").mkdir()
    (project / "src" / "z.py").write_text(WRONG + BAD, encoding="utf-8")
    scan(capfd, "--write-baseline", "ci/b.json")
    first = (project / "ci" / "b.json").read_bytes()
    rows = json.loads(first)["findings"]
    assert [(row["path"], row["count"]) for row in rows] == [("../a.py", 1), ("../src/z.py", 2)]
    assert b"\r" not in first
    scan(capfd, "--write-baseline", "ci/b.json")
    assert (project / "ci" / "b.json").read_bytes() == first
    monkeypatch.chdir(project / "src")
    assert scan(capfd, "--baseline", "../ci/b.json") == (0, [], "")


def test_entries_that_no_longer_occur_are_told(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "gone.py").write_text(WRONG, encoding="utf-8")
    scan(capfd, "--write-baseline", "b.json")
    (project / "a.py").write_text(RIGHT, encoding="utf-8")
    (project / "gone.py").unlink()
    status, found, err = scan(capfd, "--baseline", "b.json")
    assert (status, found) == (0, [])
    assert "2 entries of the baseline no longer occur" in err
    assert "a.py: FLA101" in err and "gone.py: FLA101" in err
    assert scan(capfd, "--baseline", "b.json", "--quiet")[2] == ""
    (project / "gone.py").write_text(WRONG, encoding="utf-8")
    assert "1 entry of the baseline no longer occurs" in scan(capfd, "--baseline", "b.json")[2]
    (project / "gone.py").unlink()
    scan(capfd, "--write-baseline", "b.json")
    assert json.loads((project / "b.json").read_text(encoding="utf-8"))["findings"] == []


def test_a_run_over_a_part_neither_tells_nor_drops_the_rest(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "b.py").write_text(WRONG, encoding="utf-8")
    scan(capfd, "--write-baseline", "b.json")
    before = (project / "b.json").read_bytes()
    assert scan(capfd, "b.py", "--baseline", "b.json") == (0, [], "")
    assert scan(capfd, "--select", "FLA2", "--baseline", "b.json") == (0, [], "")
    scan(capfd, "b.py", "--write-baseline", "b.json")
    assert (project / "b.json").read_bytes() == before


def test_a_run_that_is_not_strict_keeps_what_a_strict_one_parked(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "a.py").write_text(UNDECIDED, encoding="utf-8")
    scan(capfd, "--strict", "--write-baseline", "b.json")
    before = (project / "b.json").read_bytes()
    assert b"FLA002" in before
    assert scan(capfd, "--baseline", "b.json") == (0, [], "")
    scan(capfd, "--write-baseline", "b.json")
    assert (project / "b.json").read_bytes() == before


def test_a_notebook_s_entry_survives_new_cells(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def write(*cells: str) -> None:
        rows = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        text = json.dumps({"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        (project / "n.ipynb").write_text(text, encoding="utf-8")

    write(HEAD, BAD)
    scan(capfd, "n.ipynb", "--write-baseline", "b.json")
    write("import os\n", HEAD, "os\n", BAD)
    assert scan(capfd, "n.ipynb", "--baseline", "b.json")[:2] == (0, [])


def test_the_configuration_names_the_baseline(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    scan(capfd, "--write-baseline", "b.json")
    text = '[tool.fromlogits-audit]\nbaseline = "b.json"\n'
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    assert scan(capfd) == (0, [], "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("{", "no baseline"),
        ("[]", "write it anew"),
        ('{"schema_version": 9, "findings": []}', "write it anew"),
        ('{"schema_version": 1, "findings": [3]}', "3 is no entry"),
        (
            '{"schema_version": 1, "findings": [{"path": "a", "code": "b", "text": "c", "line": ""}]}',
            "no entry",
        ),
    ],
)
def test_a_baseline_that_is_none_is_a_usage_error(
    project: Path, capfd: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    if text is not None:
        (project / "b.json").write_text(text, encoding="utf-8")
    status, _, err = scan(capfd, "--baseline", "b.json")
    assert (status, said in err) == (2, True)


def test_what_is_rendered_is_read_again(tmp_path: Path) -> None:
    entries = {Identity("é.py", "FLA101", 'f("\\n")', "x = 1"): 2, Identity("a", "FLA201", "損", ""): 1}
    (tmp_path / "b.json").write_text(baseline.render(entries), encoding="utf-8")
    assert baseline.read(tmp_path / "b.json") == entries
    (tmp_path / "b.json").write_text(baseline.render({}), encoding="utf-8")
    assert baseline.read(tmp_path / "b.json") == {}


# -- comments ------------------------------------------------------------------------------------
CALL = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{CALL})\n", f"{CALL})  # noqa: FLA101\n"),
        (f"{CALL})", f"{CALL})  # noqa: FLA101"),
        (f"{CALL})  # noqa: E501 - long\n", f"{CALL})  # noqa: E501, FLA101 - long\n"),
        (f"{CALL})  # type: ignore\n", f"{CALL})  # type: ignore  # noqa: FLA101\n"),
        (f"{CALL},\n    optimizer='adam',\n)\n", f"{CALL},  # noqa: FLA101\n    optimizer='adam',\n)\n"),
        (f"{CALL}, \\\n    optimizer='adam')\n", f"{CALL}, \\\n    optimizer='adam')  # noqa: FLA101\n"),
        (f'{CALL}), """\ntext"""\n', f'{CALL}), """\ntext"""  # noqa: FLA101\n'),
        (f"{CALL}, optimizer='# noqa: FLA2')\n", f"{CALL}, optimizer='# noqa: FLA2')  # noqa: FLA101\n"),
    ],
    ids=[
        "plain",
        "no line end",
        "more codes",
        "a comment",
        "several lines",
        "backslash",
        "string",
        "in a string",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_add_noqa_writes_what_silences(
    project: Path, capfd: pytest.CaptureFixture[str], before: str, after: str, newline: str
) -> None:
    file = project / "a.py"
    file.write_bytes((HEAD + before).replace("\n", newline).encode("utf-8-sig"))
    status, found, err = scan(capfd, "--add-noqa")
    assert (status, found, err) == (1, ["a.py:4 FLA101"], "Added # noqa to 1 line in 1 file.\n")
    assert file.read_bytes() == (HEAD + after).replace("\n", newline).encode("utf-8-sig")
    assert scan(capfd) == (0, [], "")
    assert scan(capfd, "--add-noqa")[2] == "Added # noqa to 0 lines in 0 files.\n"


@pytest.mark.parametrize("indent", [1, None])
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("last", ["%time " + BAD + "# é", "%time " + BAD, "%time " + BAD.rstrip("\n")])
def test_add_noqa_changes_nothing_else_in_a_notebook(
    project: Path, capfd: pytest.CaptureFixture[str], indent: int | None, as_text: bool, last: str
) -> None:
    lines = [*HEAD.splitlines(keepends=True), *last.splitlines(keepends=True)]
    source: object = "".join(lines) if as_text else lines
    cells = [
        {"cell_type": "markdown", "source": "x", "metadata": {}},
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": ["é"]},
    ]
    before = json.dumps({"nbformat": 4, "cells": cells, "metadata": {}}, indent=indent, ensure_ascii=False)
    (project / "a.py").unlink()
    (project / "n.ipynb").write_text(before + "\n", encoding="utf-8")
    assert scan(capfd, "--add-noqa")[0] == 1
    after = (project / "n.ipynb").read_text(encoding="utf-8")
    assert after.replace("  # noqa: FLA101", "") == before + "\n"
    assert "".join(json.loads(after)["cells"][1]["source"]).splitlines()[3].endswith("))  # noqa: FLA101")
    assert scan(capfd) == (0, [], "")


def test_add_noqa_leaves_a_file_that_does_not_parse_alone(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "a.py").write_text("import keras\nx = (\n", encoding="utf-8")
    status, found, err = scan(capfd, "--add-noqa")
    assert (status, len(found), err) == (1, 1, "Added # noqa to 0 lines in 0 files.\n")
    assert (project / "a.py").read_text(encoding="utf-8") == "import keras\nx = (\n"


def test_a_comment_for_what_only_strict_reports_is_never_unused(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    silenced = UNDECIDED.replace("entropy')", "entropy')  # noqa: FLA002")
    (project / "a.py").write_text(silenced, encoding="utf-8")
    assert scan(capfd)[:2] == scan(capfd, "--strict")[:2] == (0, [])
    (project / "a.py").write_text(UNDECIDED, encoding="utf-8")
    assert [line.split()[-1] for line in scan(capfd, "--strict")[1]] == ["FLA002"]


def test_an_unused_comment_is_a_finding_that_can_be_turned_off(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "a.py").write_text(RIGHT.replace(")\n", ")  # noqa: FLA101\n"), encoding="utf-8")
    assert scan(capfd)[1] == ["a.py:3 FLA003", "a.py:4 FLA003"]
    assert scan(capfd, "--ignore", "FLA003")[:2] == (0, [])
    assert scan(capfd, "--select", "FLA2,FLA003")[:2] == (0, [])
    (project / "b.py").write_text("x = 1  # noqa: FLA101\n", encoding="utf-8")
    assert "b.py:1 FLA003" in scan(capfd)[1]
    configuration = '[tool.fromlogits-audit.per-file-ignores]\n"b.py" = ["FLA1"]\n'
    (project / "pyproject.toml").write_text(configuration, encoding="utf-8")
    assert "b.py:1 FLA003" not in scan(capfd)[1]


# -- changed files -------------------------------------------------------------------------------
def test_changed_since_keeps_what_touches_a_change(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "sub").mkdir()
    use = f"from models import model\nimport keras\n{BAD}"
    (project / "models.py").write_text(HEAD, encoding="utf-8")
    (project / "train.py").write_text(use, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    every = ["a.py:4 FLA101", "train.py:3 FLA101"]
    assert scan(capfd)[1] == every
    assert scan(capfd, "--changed-since", "HEAD")[:2] == (0, [])
    (project / "models.py").write_text(HEAD + "\n", encoding="utf-8")
    assert scan(capfd, "--changed-since", "HEAD")[:2] == (1, ["train.py:3 FLA101"])
    (project / "sub" / "new.py").write_text(WRONG, encoding="utf-8")
    assert scan(capfd, "--changed-since", "HEAD")[1] == ["sub/new.py:4 FLA101", "train.py:3 FLA101"]
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    assert scan(capfd, "--changed-since", "HEAD~1")[1] == ["sub/new.py:4 FLA101", "train.py:3 FLA101"]


def test_changed_since_knows_files_behind_a_link(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    link = project.parent / "link"
    link.symlink_to(project, target_is_directory=True)
    assert scan(capfd, str(link), "--changed-since", "HEAD")[:2] == (0, [])
    (project / "a.py").write_text(WRONG + "\n", encoding="utf-8")
    found = scan(capfd, str(link), "--changed-since", "HEAD")[1]
    assert [line.endswith("link/a.py:4 FLA101") for line in found] == [True]


@pytest.mark.parametrize("path", [".", "a.py"])
def test_changed_since_asks_the_repository_of_what_is_audited(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / "a.py").write_text(WRONG + "\n", encoding="utf-8")
    monkeypatch.chdir(project.parent)
    found = scan(capfd, str(project / path), "--changed-since", "HEAD")[1]
    assert [line.endswith("a.py:4 FLA101") for line in found] == [True]


def test_add_noqa_leaves_what_is_not_reported_alone(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / "new.py").write_text(WRONG, encoding="utf-8")
    scan(capfd, "--add-noqa", "--changed-since", "HEAD")
    assert "noqa" not in (project / "a.py").read_text(encoding="utf-8")
    assert "noqa" in (project / "new.py").read_text(encoding="utf-8")


APART = {
    "models.py": """import keras
def scores():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
def classes():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
""",
    "losses.py": "import keras\nbce = keras.losses.BinaryCrossentropy(from_logits=True)\n",
    "policy.py": "import keras\nkeras.mixed_precision.set_global_policy('mixed_float16')\n",
    "data.py": "import keras\nlabels = keras.utils.to_categorical([0, 1, 2], 3)\n",
    "train.py": """import keras, policy
from losses import bce
from models import classes, scores
model = scores()
many = classes()
model.compile(loss=bce, metrics=["accuracy"])
many.compile(loss="sparse_categorical_crossentropy")
""",
    "fit.py": "from data import labels\nfrom train import many\nmany.fit([[1], [2], [3]], labels)\n",
    "predict.py": "from train import model\nprint(model.predict(1) > 0.5)\n",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("losses.py", ["predict.py:2 FLA403", "train.py:6 FLA401"]),
        ("policy.py", ["models.py:5 FLA701"]),
        ("data.py", ["train.py:7 FLA502"]),
        ("fit.py", ["train.py:7 FLA502"]),
        ("train.py", ["predict.py:2 FLA403", "train.py:6 FLA401", "train.py:7 FLA502"]),
    ],
)
def test_changed_since_counts_all_that_a_finding_rests_on(
    project: Path, capfd: pytest.CaptureFixture[str], path: str, expected: list[str]
) -> None:
    (project / "a.py").unlink()
    for name, text in APART.items():
        (project / name).write_text(text, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / path).write_text(APART[path] + "\n", encoding="utf-8")
    assert scan(capfd, "--changed-since", "HEAD")[1] == expected


def test_changed_since_counts_from_where_the_branch_began(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "b.py").write_text(WRONG, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    git(project, "checkout", "-q", "-b", "topic")
    (project / "sub" / "b.py").write_text(WRONG + "\n", encoding="utf-8")
    git(project, "commit", "-q", "-a", "-m", "mine")
    git(project, "checkout", "-q", "main")
    (project / "a.py").write_text(WRONG + "\n", encoding="utf-8")
    git(project, "commit", "-q", "-a", "-m", "theirs")
    git(project, "checkout", "-q", "topic")
    assert scan(capfd, "--changed-since", "main")[1] == ["sub/b.py:4 FLA101"]
    monkeypatch.chdir(project / "sub")
    assert scan(capfd, "--changed-since", "main")[1] == ["b.py:4 FLA101"]


@pytest.mark.parametrize("reference", ["nowhere", "--output=x", ""])
def test_a_reference_that_git_does_not_know(
    project: Path, capfd: pytest.CaptureFixture[str], reference: str
) -> None:
    git(project, "init", "-q")
    status, _, err = scan(capfd, f"--changed-since={reference}")
    assert (status, "--changed-since" in err) == (2, True)


def test_changed_since_goes_by_the_environment_of_git(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / "sub").mkdir()
    (project / "sub" / "new.py").write_text(WRONG, encoding="utf-8")
    monkeypatch.chdir(project / "sub")
    monkeypatch.setenv("GIT_DIR", "../.git")
    monkeypatch.setenv("GIT_WORK_TREE", "..")
    assert scan(capfd, "..", "--changed-since", "HEAD")[1] == ["new.py:4 FLA101"]


def test_changed_since_needs_a_repository(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, _, err = scan(capfd, "--changed-since", "HEAD")
    assert (status, "not a git repository" in err) == (2, True)


# -- shards --------------------------------------------------------------------------------------
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_shards_together_are_the_report(
    project: Path, capfd: pytest.CaptureFixture[str], parts: int
) -> None:
    (project / "models.py").write_text(HEAD, encoding="utf-8")
    (project / "train.py").write_text(f"from models import model\nimport keras\n{BAD}{BAD}", encoding="utf-8")
    (project / "broken.py").write_text("import keras\nx = (\n", encoding="utf-8")
    (project / "ok.py").write_text(RIGHT, encoding="utf-8")
    (project / "none.py").write_text("x = 1\n", encoding="utf-8")

    def report(*arguments: str) -> dict[str, object]:
        run(["scan", "--output-format", "json", *arguments])
        document: dict[str, object] = json.loads(capfd.readouterr().out)
        return document

    whole = report()
    shards = [report("--shard", f"{number}/{parts}") for number in range(1, parts + 1)]
    for key in ("findings", "sites"):
        union = [row for shard in shards for row in shard[key]]  # type: ignore[attr-defined]
        assert sorted(map(json.dumps, union)) == sorted(map(json.dumps, whole[key]))  # type: ignore[arg-type]
    summaries = [shard["summary"] for shard in shards]
    total = {key: sum(one[key] for one in summaries) for key in whole["summary"]}  # type: ignore
    assert total == whole["summary"]
    assert len(whole["findings"]) == 4  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", "1/ 2"])
def test_a_shard_is_one_of_some(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--write-baseline", "b.json", "--add-noqa"],
        ["--write-baseline", "b.json", "--shard", "1/2"],
        ["--write-baseline", "b.json", "--changed-since", "HEAD"],
        ["--diff", "--write-baseline", "b.json"],
        ["--diff", "--add-noqa"],
    ],
)
def test_wishes_that_exclude_each_other(
    project: Path, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    status, _, err = scan(capfd, *arguments)
    assert (status, "can't be used" in err) == (2, True)
    assert all(option in err for option in arguments if option.startswith("--"))
    assert not (project / "b.json").exists()
