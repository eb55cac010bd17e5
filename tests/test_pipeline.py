"""From sites to a report: judged, deduplicated, selected, suppressed, in a fixed order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit import pipeline
from fromlogits_audit.config import Settings
from fromlogits_audit.errors import UsageError
from fromlogits_audit.finding import Severity
from fromlogits_audit.interp import engine
from fromlogits_audit.ir import (
    Family,
    Kind,
    Location,
    Loss,
    Output,
    Problem,
    Scale,
    Site,
    Status,
    Undecided,
    Why,
)
from fromlogits_audit.report import Report


@dataclass(frozen=True)
class Text:
    text: str

    def line_at(self, location: Location) -> str:
        return self.text.split("\n")[location.line - 1]

    def locate(self, line: int, column: int, end_line: int, end_column: int) -> Location:
        return Location("a.py", None, line, column, end_line, end_column)


@dataclass(frozen=True)
class Found:
    """What the interpreter would return."""

    sites: list[Site] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 1
    sources: dict[str, Text] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def at(line: int, path: str = "a.py") -> Location:
    return Location(path, None, line, 1, line, 9)


CE = Loss("CategoricalCrossentropy", Family.CATEGORICAL, from_logits=True, sparse=False)
SOFTMAX = Output(Scale.PROBABILITIES, "softmax", 10)
SIGMOID = Output(Scale.INDEPENDENT, "sigmoid", 10)
LOADED = Output(reason=Undecided(Why.LOADED_MODEL, "load_model()"))


def site(line: int = 1, output: Output = SOFTMAX, path: str = "a.py") -> Site:
    return Site(Kind.LOSS, at(line, path), output, loss=CE)


@pytest.fixture
def report_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the pipeline over what the interpreter is made to return."""

    def run(found: Found, cwd: Path | None = None, **settings: Any) -> Report:
        monkeypatch.setattr(engine, "analyse_text", lambda text, path, declared: found)
        return pipeline.audit_text("", settings=Settings(**settings), cwd=cwd)

    return run


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def test_one_construction_that_meets_several_outputs_is_reported_once(report_of: Any) -> None:
    report = report_of(Found([site(), site(), site(output=SIGMOID)]))
    assert codes(report) == ["FLA101", "FLA301"]
    assert [one.status for one in report.sites] == [Status.FINDING] * 3


def test_the_order_of_the_sites_does_not_matter(report_of: Any) -> None:
    sites = [site(line, path=path) for line in (3, 1, 2) for path in ("b.py", "a.py")]
    reports = []
    for seed in range(3):
        random.Random(seed).shuffle(sites)
        report = report_of(Found(list(sites)))
        reports.append(([f.location for f in report.findings], [one.site.location for one in report.sites]))
    assert reports[0] == reports[1] == reports[2]
    assert reports[0][0] == sorted(reports[0][0])


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Problem(at(7), "why"), "This file was not analysed: why."),
        (Problem(at(7), "why", statement=True), "This statement was not analysed: why."),
        (Problem(replace(at(7), cell=2), "why"), "This cell was not analysed: why."),
        (Problem(replace(at(7), cell=2), "why", statement=True), "This statement was not analysed: why."),
        (Problem(Location("m.keras"), "why"), "This model was not analysed: why."),
    ],
)
def test_what_could_not_be_read_is_named(report_of: Any, problem: Problem, said: str) -> None:
    assert [finding.message for finding in report_of(Found(problems=[problem])).findings] == [said]


def test_an_unreadable_file_is_a_finding_at_its_place(report_of: Any) -> None:
    report = report_of(Found(problems=[Problem(at(7), "Python 2 syntax")]))
    (finding,) = report.findings
    assert (finding.code, finding.severity, finding.location) == ("FLA001", Severity.ERROR, at(7))
    assert "Python 2 syntax" in finding.message
    assert [problem.reason for problem in report.problems] == ["Python 2 syntax"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"strict": True}, [("FLA002", Severity.ERROR)]),
        ({"select": ("FLA0",)}, []),
        ({"select": ("FLA002",)}, [("FLA002", Severity.ERROR)]),
        ({"severity": {"FLA002": Severity.WARNING}}, [("FLA002", Severity.WARNING)]),
        ({"strict": True, "ignore": ("FLA002",)}, []),
        ({"strict": True, "severity": {"FLA002": Severity.OFF}}, []),
    ],
)
def test_undecided_sites_are_findings_only_where_asked_for(
    report_of: Any, settings: dict[str, Any], expected: list[tuple[str, Severity]]
) -> None:
    report = report_of(Found([site(output=LOADED)]), **settings)
    assert [(finding.code, finding.severity) for finding in report.findings] == expected
    assert report.summary.undecided == 1
    assert all("loaded-model: load_model()" in finding.message for finding in report.findings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["FLA101", "FLA301"]),
        ({"select": ("FLA1",)}, ["FLA101"]),
        ({"ignore": ("FLA1",)}, ["FLA301"]),
        ({"per_file_ignores": {"a.py": ("FLA3",)}}, ["FLA101"]),
        ({"per_file_ignores": {"b.py": ("FLA3",), "*.py": ("FLA101",)}}, ["FLA301"]),
        ({"severity": {"FLA101": Severity.OFF}}, ["FLA301"]),
    ],
)
def test_selection(report_of: Any, settings: dict[str, Any], expected: list[str]) -> None:
    assert codes(report_of(Found([site(1), site(2, SIGMOID)]), **settings)) == expected


def test_per_file_ignores_count_from_the_configuration_s_folder(report_of: Any, tmp_path: Path) -> None:
    ignores = {"src/old/*.py": ("FLA101",)}
    found = Found([site(path="old/a.py"), site(path="new/a.py")])
    report = report_of(found, cwd=tmp_path / "src", root=tmp_path, per_file_ignores=ignores)
    assert [finding.location.path for finding in report.findings] == ["new/a.py"]


def test_a_silenced_site_stays_wrong_but_fails_nothing(report_of: Any) -> None:
    report = report_of(Found([site()], sources={"a.py": Text("loss = f()  # noqa: FLA101")}))
    (judged,) = report.sites
    assert (judged.status, judged.codes) == (Status.FINDING, ("FLA101",))
    assert (report.findings, report.suppressed) == ((), 1)
    assert not report.fails(Severity.WARNING)


@pytest.mark.parametrize(
    ("output", "fail_on", "expected"),
    [
        (SOFTMAX, "warning", True),
        (SOFTMAX, "error", True),
        (SOFTMAX, "never", False),
        (SIGMOID, "warning", True),
        (SIGMOID, "error", False),
        (LOADED, "warning", False),
    ],
)
def test_what_fails_a_run(report_of: Any, output: Output, fail_on: str, expected: bool) -> None:
    assert report_of(Found([site(output=output)])).fails(Settings(fail_on=fail_on).threshold) is expected


@pytest.mark.parametrize(
    ("settings", "pin", "expected"),
    [({}, "keras<3", 2), ({}, "keras>=3", 3), ({}, "numpy", None), ({"keras": 3}, "keras<3", 3)],
)
def test_each_site_knows_which_keras_runs_it(
    report_of: Any, tmp_path: Path, settings: dict[str, Any], pin: str, expected: int | None
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text(pin, encoding="utf-8")
    alternative = site().at(alternatives=(site(),))
    report = report_of(Found([alternative]), cwd=tmp_path, **settings)
    (judged,) = report.sites
    assert judged.site.runtime.keras == judged.site.alternatives[0].runtime.keras == expected
    assert report.runtime.keras == expected


def test_a_text_without_a_project_is_pinned_by_nothing(report_of: Any) -> None:
    assert report_of(Found([site()])).runtime.keras is None


def test_a_path_that_does_not_exist_is_the_user_s_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        pipeline.audit_source([tmp_path / "missing"], cwd=tmp_path)
