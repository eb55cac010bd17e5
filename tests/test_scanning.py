"""Files that imports connect are analysed together, others apart; results survive the way through text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit import scanning, work
from fromlogits_audit.config import Settings
from fromlogits_audit.interp import builtin, engine
from fromlogits_audit.interp.engine import analyse
from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.record import RecordError, Result, dumps, loads
from fromlogits_audit.source.components import components
from fromlogits_audit.source.imports import Import, sketch
from fromlogits_audit.source.project import Project
from fromlogits_audit.work import run_task

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
HEAD = "import keras\n\n\ndef head():\n    return keras.Sequential([keras.layers.Dense(3, 'softmax')])\n"
LOSS = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"


def write(folder: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        path = folder / (name.replace("__in__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os", [Import("os")]),
        ("import a.b as c, d; import e", [Import("a"), Import("a.b"), Import("d"), Import("e")]),
        ("from a import (b,\n  c as d)", [Import("a"), Import("a.b"), Import("a.c")]),
        ("from a import \\\n  b", [Import("a"), Import("a.b")]),
        ("from ..a import b", [Import("a", 2), Import("a.b", 2)]),
        ("try: import a\nexcept ImportError: pass", [Import("a")]),
        ("from . import a", [Import("", 1), Import("a", 1)]),
        ('importlib.import_module("a.b")', [Import("a.b")]),
        ("a, b = import_optional(\n    'a.b', names=['a', 'b'])", [Import("a.b")]),
        ('try_import(".a"); __import__("b.c")', [Import("a", 1), Import("b.c")]),
        ("import_all(a); reimports('x y')", []),
        (
            '"source": "import a\\nfrom b import (c,\\n  d)\\nimport e, \\\\\\n  f"',
            [Import("a"), Import("b"), Import("b.c"), Import("b.d"), Import("e"), Import("f")],
        ),
        ("from a import (b,\nimport c\nf(c)", [Import("a"), Import("a.b"), Import("c")]),
        (' "try_import(\\"a.b\\")\n",', [Import("a.b")]),  # a notebook's JSON
        (' "from a import b\\n",', [Import("a"), Import("a.b")]),  # a notebook's JSON
        ("we import goods", []),
    ],
)
def test_imports_are_found_without_a_syntax_tree(text: str, expected: list[Import]) -> None:
    assert list(sketch(text.encode()).imports) == expected


def test_files_that_imports_connect_are_one_component(tmp_path: Path) -> None:
    files = write(
        tmp_path, models=HEAD, train="from models import head", alone="import keras", via="import train"
    )
    found = components(files, Project(tmp_path, files), lambda path: sketch(path.read_bytes()))
    assert [[path.stem for path in one.files] for one in found] == [["alone"], ["models", "train", "via"]]


def test_a_file_that_was_not_given_connects_those_that_import_it(tmp_path: Path) -> None:
    files = write(tmp_path, models=HEAD, a="import models", b="import models", c="import keras")
    given = [path for path in files if path.stem != "models"]
    found = components(given, Project(tmp_path, given), lambda path: sketch(path.read_bytes()))
    assert [([p.stem for p in one.files], [p.stem for p in one.beside]) for one in found] == [
        (["a", "b"], ["models"]),
        (["c"], []),
    ]


def test_the_library_s_own_source_connects_nothing(tmp_path: Path) -> None:
    files = write(
        tmp_path, keras__in____init__="", keras__in__a="from keras import b", keras__in__b="import keras.a"
    )
    found = components(files, Project(tmp_path, files), lambda path: sketch(path.read_bytes()))
    assert [len(one.files) for one in found] == [1, 1, 1]


def test_what_the_search_over_bytes_misses_is_joined_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, models=HEAD, train=f"import keras\nfrom models import head\nmodel = head()\n{LOSS}")
    expected = audit_source([tmp_path], cwd=tmp_path)
    assert [finding.code for finding in expected.findings] == ["FLA101"]
    runs: list[list[str]] = []

    def counted(task: work.Task) -> tuple[Result, ...]:
        runs.extend([path.stem for path in component.files] for component in task.components)
        return run_task(task)

    monkeypatch.setattr(work, "run_task", counted)
    monkeypatch.setattr(scanning, "sketch", lambda data: sketch(b"import keras"))
    found = audit_source([tmp_path], cwd=tmp_path)
    assert (found.findings, found.sites) == (expected.findings, expected.sites)
    assert runs == [["train"], ["models"], ["models", "train"]]


def test_a_name_that_matters_in_one_project_does_not_matter_in_another(tmp_path: Path) -> None:
    files = write(
        tmp_path, a=HEAD + LOSS.replace("model", "head()"), b="import keras\n\n\ndef f(x):\n    head(x)\n"
    )
    apart = [audit_source([path], cwd=tmp_path).sites for path in files]
    assert audit_source(files, cwd=tmp_path).sites == (*apart[0], *apart[1])


def test_a_component_that_breaks_the_tool_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a=HEAD, b=f"{HEAD}\nmodel = head()\n{LOSS}")

    def broken(project: Project, **given: object) -> object:
        if project.files[0].stem == "a":
            raise KeyError("oops")
        return analyse(project, **given)  # type: ignore[arg-type]

    monkeypatch.setattr("fromlogits_audit.interp.engine.analyse", broken)
    report = audit_source([tmp_path], cwd=tmp_path)
    assert [(f.location.path, f.code) for f in report.findings] == [("a.py", "FLA001"), ("b.py", "FLA101")]
    assert "bug of this tool" in report.findings[0].message


def test_a_statement_that_breaks_the_tool_is_named_and_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a=f"{HEAD}\nprint(1)\nmodel = head()\n{LOSS}")
    monkeypatch.setitem(builtin._FUNCTIONS, "builtins.print", lambda *given: 1 / 0)
    report = audit_source([tmp_path], cwd=tmp_path)
    assert [(f.code, f.location.line) for f in report.findings] == [("FLA001", 7), ("FLA101", 9)]
    assert report.findings[0].message.startswith("This statement was not analysed: a bug of this tool")


@pytest.mark.parametrize("name", ["011", "043", "252", "700"])
def test_a_record_gives_back_what_it_was_made_of(name: str) -> None:
    (folder,) = FIXTURES.glob(f"{name}-*")
    files = sorted(folder.rglob("*.py"))
    result = work.result_of(analyse(Project(folder, files), cwd=folder))
    assert result.sites
    assert dumps(loads(dumps(result))) == dumps(result)


@pytest.mark.parametrize("name", ["011", "043", "252", "700"])
def test_a_result_outlives_what_it_was_found_in(name: str) -> None:
    (folder,) = FIXTURES.glob(f"{name}-*")
    analysis = analyse(Project(folder, sorted(folder.rglob("*.py"))), cwd=folder)
    result = work.result_of(analysis)
    before = dumps(result)
    analysis.release()
    assert dumps(result) == before
    assert any(site.output.trace for site in result.sites)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[0, 1]",
        "[99]",
        '[-1, "logits"]',
        "[1]",
        "[0, [null, 3]]",
        "[" * 10_000,
        '["x"]',
        "null",
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(RecordError):
        loads(text)


def test_a_record_of_other_types_is_refused() -> None:
    (folder,) = FIXTURES.glob("043-*")
    files = sorted(folder.rglob("*.py"))
    document = json.loads(dumps(work.result_of(analyse(Project(folder, files), cwd=folder))))
    document[1][1][2][1] = 7  # the path of the first site's location
    with pytest.raises(RecordError):
        loads(json.dumps(document))


def test_an_ignored_comment_in_a_file_apart_is_still_told(tmp_path: Path) -> None:
    write(tmp_path, a="import keras  # noqa: FLA101\n", b="import keras\n")
    assert [f.code for f in audit_source([tmp_path], Settings(), cwd=tmp_path).findings] == ["FLA003"]


@pytest.mark.parametrize(
    ("conftest", "analysed"),
    [
        ("def pytest_addoption(parser):\n    parser.addoption('--slow')\n", 3),
        ("import pytest\n\n@pytest.fixture\ndef units():\n    return 10\n", 1),
    ],
)
def test_a_conftest_joins_its_tests_where_it_has_fixtures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conftest: str, analysed: int
) -> None:
    """Whatever is loaded and belongs to another component has both analysed anew."""
    test = "import keras\n\ndef test_{0}(units):\n    keras.Sequential().compile(loss='mse')\n"
    for name, text in {"conftest": conftest, "test_a": test.format("a"), "test_b": test.format("b")}.items():
        (tmp_path / f"{name}.py").write_text(text + "\nimport keras\n")
    runs = []

    def counted(project: Project, **options: Any) -> Any:
        runs.append(project.files)
        return analyse(project, **options)

    monkeypatch.setattr(engine, "analyse", counted)
    audit_source([tmp_path])
    assert len(runs) == analysed
