"""What the formats for services say: SARIF, GitHub, GitLab, JUnit, of code and of notebooks."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from test_reporters import CLEAN, FINDING, MEND, OPEN, PLACE, REPORT, WRONG

from fromlogits_audit import HOMEPAGE
from fromlogits_audit.finding import Edit, Finding, Severity
from fromlogits_audit.ir import Location, Step
from fromlogits_audit.report import Report, Silenced, Silencer
from fromlogits_audit.reporters.interface import FORMATS, Style, reporter
from fromlogits_audit.reporters.sarif import FINGERPRINT
from fromlogits_audit.rules import RULES
from fromlogits_audit.source.notebook import read_notebook
from fromlogits_audit.toml import read_toml

SCHEMA = Path(__file__).parent / "data" / "sarif-schema-2.1.0.json"
HOSTILE = 'a%b\r\n::error::x, "<&>" \x1b[31m \u202e \ud800 損失'


@cache
def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return document


def rendered(report: Report, name: str) -> str:
    return reporter(name)(report, Style())


def sarif(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(rendered(report, "sarif"))
    jsonschema.Draft4Validator(schema()).validate(document)
    run: dict[str, Any] = document["runs"][0]
    return run


def notebook(folder: Path, *, indent: int | None = 1, as_text: bool = False) -> Report:
    """A notebook whose second cell has a finding in its second line, and a fix there."""
    lines = ['print("é")\n', 'loss = f("\\t", "損", g())']
    source: object = "".join(lines) if as_text else lines
    cells = [
        {"cell_type": "markdown", "source": ["# title"], "metadata": {}},
        {"cell_type": "code", "source": source, "outputs": [], "metadata": {}},
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = folder / "a b.ipynb"
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=False), encoding="utf-8")
    place = Location("a b.ipynb", 2, 2, 21, 2, 24)
    edit = Edit(replace(place, column=23, end_column=23), 'x="\\"')
    finding = replace(
        FINDING, location=place, trace=(Step(place, "here"),), fixes=(replace(MEND, edits=(edit,)),)
    )
    return Report((finding,), files=1, sources={"a b.ipynb": read_notebook(path, "a b.ipynb")})


# -- SARIF ---------------------------------------------------------------------------------------
def test_sarif_tells_every_rule() -> None:
    driver = sarif(Report())["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.code for rule in RULES]
    for row, rule in zip(driver["rules"], RULES, strict=True):
        assert row["helpUri"] == f"{HOMEPAGE}/blob/main/docs/rules/{rule.code}.md"
        assert row["help"]["markdown"] == rule.page.strip()
        assert row["defaultConfiguration"]["enabled"] is (rule.severity is not Severity.OFF)


def test_the_links_lead_to_the_project_s_own_pages() -> None:
    root = Path(__file__).parent.parent
    assert read_toml(root / "pyproject.toml")["project"]["urls"]["Homepage"] == HOMEPAGE
    assert all((root / "docs" / "rules" / f"{rule.code}.md").is_file() for rule in RULES)


def test_a_sarif_result_has_its_place_its_flow_and_its_fix() -> None:
    (result,) = sarif(REPORT)["results"]
    assert RULES[result["ruleIndex"]].code == result["ruleId"] == "FLA101"
    region = {"startLine": 4, "startColumn": 10, "endLine": 4, "endColumn": 64}
    assert result["level"] == "error"
    assert result["message"]["text"] == f"{FINDING.message} Fix: {FINDING.help}"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == region
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == [
        "softmax over 10 units",
        "expects logits",
    ]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 4, "startColumn": 47, "endLine": 4, "endColumn": 63},
            "insertedContent": {"text": ""},
        }
    ]
    assert result["suppressions"] == []


@pytest.mark.parametrize(("by", "kind"), [(Silencer.COMMENT, "inSource"), (Silencer.BASELINE, "external")])
def test_a_suppressed_result_is_marked(by: Silencer, kind: str) -> None:
    report = replace(REPORT, findings=(), silenced=(Silenced(FINDING, by),))
    (result,) = sarif(report)["results"]
    assert [one["kind"] for one in result["suppressions"]] == [kind]


def test_a_fingerprint_stays_where_the_lines_move_and_differs_for_a_copy() -> None:
    source = REPORT.sources["train.py"]
    moved = replace(FINDING, location=replace(PLACE, line=5, end_line=5))
    shifted = type(source)("\n" + source.text)  # type: ignore[call-arg]

    def prints(report: Report) -> list[str]:
        return [result["partialFingerprints"][FINGERPRINT] for result in sarif(report)["results"]]

    before = prints(REPORT)
    assert prints(Report((moved,), sources={"train.py": shifted})) == before
    twice = prints(replace(REPORT, findings=(FINDING, FINDING)))
    assert (twice[0], len(set(twice))) == (before[0], 2)
    assert [row["fingerprint"] for row in json.loads(rendered(REPORT, "gitlab"))] == before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a b#c%.py", {"uri": "src/a%20b%23c%25.py", "uriBaseId": "%SRCROOT%"}),
        ("/abs/é.py", {"uri": "file:" + "///abs/%C3%A9.py"}),
        ("C:/abs/a.py", {"uri": "file:" + "///C:/abs/a.py"}),
    ],
)
def test_a_path_is_a_uri(path: str, expected: dict[str, str]) -> None:
    finding = replace(FINDING, location=replace(PLACE, path=path), trace=(), fixes=())
    (result,) = sarif(Report((finding,)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == expected


def test_a_saved_model_has_no_region() -> None:
    finding = replace(FINDING, location=Location("m.keras"), trace=(), fixes=())
    (result,) = sarif(Report((finding,)))["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


# -- notebooks -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("indent", "as_text"), [(1, False), (1, True), (None, False), (4, True)])
def test_a_cell_is_found_in_the_stored_file_and_a_fix_can_be_applied_there(
    tmp_path: Path, indent: int | None, as_text: bool
) -> None:
    (result,) = sarif(notebook(tmp_path, indent=indent, as_text=as_text))["results"]
    assert result["message"]["text"].startswith("Cell 2, line 2: ")
    lines = (tmp_path / "a b.ipynb").read_text(encoding="utf-8").split("\n")
    region = result["locations"][0]["physicalLocation"]["region"]
    line = lines[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "g()"
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    at = replacement["deletedRegion"]
    assert at["startColumn"] == at["endColumn"]
    row, column = at["startLine"] - 1, at["startColumn"] - 1
    lines[row] = lines[row][:column] + replacement["insertedContent"]["text"] + lines[row][column:]
    source = json.loads("\n".join(lines))["cells"][1]["source"]
    assert "".join(source).split("\n")[1] == 'loss = f("\\t", "損", g(x="\\"))'


def test_a_notebook_that_is_gone_costs_the_position_only(tmp_path: Path) -> None:
    report = notebook(tmp_path)
    (tmp_path / "a b.ipynb").write_text("no notebook", encoding="utf-8")
    (result,) = sarif(report)["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]
    assert "fixes" not in result
    assert "file=a b.ipynb::Cell 2, line 2: " in rendered(report, "github")


def test_github_and_gitlab_give_the_line_of_the_stored_file(tmp_path: Path) -> None:
    report = notebook(tmp_path)
    lines = (tmp_path / "a b.ipynb").read_text(encoding="utf-8").split("\n")
    stored = next(number for number, line in enumerate(lines, start=1) if "loss = f(" in line)
    assert f"file=a b.ipynb,line={stored},endLine={stored},col=" in rendered(report, "github")
    (entry,) = json.loads(rendered(report, "gitlab"))
    assert entry["location"] == {"path": "a b.ipynb", "lines": {"begin": stored, "end": stored}}
    assert entry["description"].startswith("Cell 2, line 2: ")


# -- GitHub --------------------------------------------------------------------------------------
def test_github_gets_one_command_a_finding() -> None:
    assert rendered(REPORT, "github") == (
        "::error title=FLA101 softmax-as-logits,file=train.py,line=4,endLine=4,col=10,endColumn=64::"
        f"{FINDING.message} Fix: {FINDING.help}%0Atrain.py:2:27: softmax over 10 units"
        "%0Atrain.py:4:10: expects logits\n"
    )
    assert rendered(CLEAN, "github") == ""


def test_github_s_commands_are_escaped() -> None:
    place = Location("a,b:c%.py", None, 1, 1, 3, 2)
    finding = replace(FINDING, message=HOSTILE, location=place, trace=(), severity=Severity.WARNING)
    text = rendered(Report((finding,)), "github")
    assert text.count("\n") == 1
    properties = "title=FLA101 softmax-as-logits,file=a%2Cb%3Ac%25.py,line=1,endLine=3"
    assert text.startswith(f"::warning {properties}::a%25b%0D%0A::error::x")


# -- GitLab, JUnit -------------------------------------------------------------------------------
def test_gitlab_gets_what_its_report_needs() -> None:
    (entry,) = json.loads(rendered(REPORT, "gitlab"))
    assert entry["check_name"] == "FLA101 softmax-as-logits"
    assert entry["severity"] == "major"
    assert entry["location"] == {"path": "train.py", "lines": {"begin": 4, "end": 4}}
    assert json.loads(rendered(CLEAN, "gitlab")) == []


def cases(report: Report) -> list[tuple[str, str]]:
    """(name, how it ended) of each test case."""
    root = ET.fromstring(rendered(report, "junit"))
    return [(case.attrib["name"], case[0].tag if len(case) else "passed") for case in root.iter("testcase")]


def test_junit_shows_every_site() -> None:
    assert cases(REPORT) == [
        ("CategoricalCrossentropy at nb.ipynb:cell 3:1:2", "skipped"),
        ("AUC at train.py:2:27", "passed"),
        ("FLA101 softmax-as-logits at train.py:4:10", "failure"),
    ]
    root = ET.fromstring(rendered(REPORT, "junit"))
    assert {k: root.attrib[k] for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    assert [suite.attrib["name"] for suite in root] == ["nb.ipynb", "train.py"]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (Report((), (WRONG,)), [("CategoricalCrossentropy at train.py:4:10", "skipped")]),
        (
            Report((replace(FINDING, code="FLA001"),)),
            [("FLA001 softmax-as-logits at train.py:4:10", "error")],
        ),
        (Report((), (OPEN,)), [("CategoricalCrossentropy at nb.ipynb:cell 3:1:2", "skipped")]),
        (Report(), []),
    ],
    ids=["suppressed", "unreadable", "undecided", "empty"],
)
def test_how_a_junit_case_ends(report: Report, expected: list[tuple[str, str]]) -> None:
    assert cases(report) == expected


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_text_breaks_no_format(name: str) -> None:
    hostile: Finding = replace(FINDING, message=HOSTILE, help=HOSTILE, trace=(Step(PLACE, HOSTILE),))
    text = rendered(replace(REPORT, findings=(hostile,)), name)
    text.encode("utf-8", "backslashreplace")
    if name in ("json", "sarif", "gitlab"):
        json.loads(text)
        assert text.isascii()
    if name == "junit":
        ET.fromstring(text)
        assert text.isascii()
