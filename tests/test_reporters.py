"""What each format shows of a small report made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import jsonschema
import pytest
from rich.cells import cell_len

from fromlogits_audit.finding import Applicability, Edit, Finding, Fix, Severity
from fromlogits_audit.ir import (
    Family,
    Kind,
    Location,
    Loss,
    Metric,
    Output,
    Problem,
    Scale,
    Site,
    Status,
    Step,
    Undecided,
    Why,
)
from fromlogits_audit.report import Report, Silenced, Silencer
from fromlogits_audit.reporters.excerpt import excerpt, visible
from fromlogits_audit.reporters.interface import FORMATS, Style, reporter
from fromlogits_audit.reporters.rules import as_json, as_text, page
from fromlogits_audit.rules import RULES
from fromlogits_audit.rules.judge import Judged

CODE = """import keras
model = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
model.compile(
    loss=keras.losses.CategoricalCrossentropy(from_logits=True),
)
"""


@dataclass(frozen=True)
class Text:
    text: str

    def line_at(self, location: Location) -> str:
        lines = self.text.split("\n")
        return lines[location.line - 1] if location.line <= len(lines) else ""

    def stored(self, location: Location) -> Location:
        return location


PLACE = Location("train.py", None, 4, 10, 4, 64)
HEAD = Location("train.py", None, 2, 27, 2, 71)
MEND = Fix("drop from_logits=True", Applicability.SAFE, (Edit(Location("train.py", None, 4, 47, 4, 63), ""),))
FINDING = Finding(
    code="FLA101",
    name="softmax-as-logits",
    severity=Severity.ERROR,
    message="A softmax output is taken for logits. The loss cannot fall below 1.461.",
    location=PLACE,
    help="drop from_logits=True",
    trace=(Step(HEAD, "softmax over 10 units"), Step(PLACE, "expects logits")),
    fixes=(MEND,),
)
LOSS = Loss("CategoricalCrossentropy", Family.CATEGORICAL, from_logits=True, sparse=False)
OUTPUT = Output(Scale.PROBABILITIES, "softmax", 10)
WRONG = Judged(Site(Kind.LOSS, PLACE, OUTPUT, loss=LOSS), Status.FINDING, ("FLA101",), None, (FINDING,))
METRIC = Judged(
    Site(Kind.METRIC, HEAD, replace(OUTPUT, name="main"), metric=Metric("AUC", Family.THRESHOLD)),
    Status.OK,
    (),
    None,
    (),
)
REASON = Undecided(Why.LOADED_MODEL, "load_model(path)")
OPEN = Judged(
    Site(Kind.LOSS, Location("nb.ipynb", 3, 1, 2, 1, 5), Output(reason=REASON), loss=LOSS),
    Status.UNDECIDED,
    (),
    REASON,
    (),
)
REPORT = Report((FINDING,), (OPEN, METRIC, WRONG), (), files=2, sources={"train.py": Text(CODE)})
CLEAN = Report((), (METRIC,), (), files=1)

SCHEMA = {
    "$defs": {
        "start": {
            "properties": {
                "path": {"type": "string"},
                "cell": {"type": ["integer", "null"], "minimum": 1},
                "line": {"type": ["integer", "null"], "minimum": 1},
                "column": {"type": ["integer", "null"], "minimum": 1},
            },
            "required": ["path", "cell", "line", "column"],
        },
        "edit": {"$ref": "#/$defs/start", "required": ["end_line", "end_column", "text"]},
        "fix": {
            "properties": {
                "title": {"type": "string"},
                "applicability": {"enum": ["safe", "unsafe"]},
                "edits": {"type": "array", "items": {"$ref": "#/$defs/edit"}},
            },
            "required": ["title", "applicability", "edits"],
        },
        "finding": {
            "$ref": "#/$defs/start",
            "properties": {
                "code": {"pattern": "^FLA[0-9]{3}$"},
                "severity": {"enum": ["error", "warning"]},
                "trace": {"type": "array", "items": {"$ref": "#/$defs/start", "required": ["note"]}},
                "fixes": {"type": "array", "items": {"$ref": "#/$defs/fix"}},
            },
            "required": ["code", "name", "severity", "message", "end_line", "end_column", "trace", "fixes"],
        },
        "site": {
            "$ref": "#/$defs/start",
            "properties": {
                "from_logits": {"type": ["boolean", "null"]},
                "scale": {"enum": [scale.value for scale in Scale]},
                "units": {"type": ["integer", "null"]},
                "status": {"enum": ["ok", "finding", "undecided"]},
                "codes": {"type": "array", "items": {"type": "string"}},
                "reason": {"type": ["string", "null"]},
            },
            "required": [
                "from_logits",
                "scale",
                "activation",
                "units",
                "output",
                "status",
                "codes",
                "reason",
            ],
            "oneOf": [{"required": ["loss"]}, {"required": ["metric"]}],
        },
    },
    "type": "object",
    "properties": {
        "schema_version": {"const": 1},
        "tool": {"required": ["name", "version"]},
        "summary": {"required": ["files", "sites", "ok", "findings", "undecided"]},
        "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
        "sites": {"type": "array", "items": {"$ref": "#/$defs/site"}},
    },
    "required": ["schema_version", "tool", "summary", "findings", "sites"],
}


def rendered(report: Report = REPORT, name: str = "text", style: Style | None = None) -> str:
    return reporter(name)(report, style or Style())


def test_the_text_shows_the_finding_its_trace_and_the_mend() -> None:
    expected = """\
error[FLA101] softmax-as-logits: A softmax output is taken for logits.
 --> train.py:4:10
  |
4 |     loss=keras.losses.CategoricalCrossentropy(from_logits=True),
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expects logits
 ::: train.py:2:27
  |
2 | model = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
  |                           -------------------------------------------- softmax over 10 units
  = note: The loss cannot fall below 1.461.
  = help: drop from_logits=True

Found 1 error in 1 file.
Checked 3 sites in 2 files: 1 ok, 1 wrong, 1 undecided.
Undecided because of: loaded-model (1). --show-sites lists them.
"""
    assert rendered() == expected


def test_concise_is_one_line_a_finding() -> None:
    assert rendered(name="concise", style=Style(quiet=True)) == (
        "train.py:4:10: FLA101 A softmax output is taken for logits. The loss cannot fall below 1.461.\n"
    )


def test_a_notebook_s_place_names_the_cell() -> None:
    lines = rendered(name="concise", style=Style(quiet=True, show_sites=True)).splitlines()
    assert lines[1] == (
        "nb.ipynb:cell 3:1:2: undecided CategoricalCrossentropy(from_logits=True) meets output: unknown "
        "(loaded-model: load_model(path))"
    )
    assert lines[2] == "train.py:2:27: ok AUC meets output 'main': probabilities (softmax, 10 units)"


def test_json_is_the_document_that_was_promised() -> None:
    document = json.loads(rendered(name="json"))
    jsonschema.validate(document, SCHEMA)
    assert list(document) == ["schema_version", "tool", "summary", "findings", "sites"]
    assert document["summary"] == {"files": 2, "sites": 3, "ok": 1, "findings": 1, "undecided": 1}
    start = {"path": "train.py", "cell": None, "line": 4, "column": 10}
    finding, (undecided, metric, wrong) = document["findings"][0], document["sites"]
    assert {key: finding[key] for key in start} == start
    assert finding["message"] == f"{FINDING.message} Fix: {FINDING.help}"
    assert finding["trace"][0] == {
        "path": "train.py", "cell": None, "line": 2, "column": 27, "note": "softmax over 10 units"
    }  # fmt: skip
    assert finding["fixes"][0]["edits"][0]["end_column"] == 63
    assert wrong == {
        **start,
        "loss": "CategoricalCrossentropy",
        "from_logits": True,
        "scale": "probabilities",
        "activation": "softmax",
        "units": 10,
        "output": None,
        "status": "finding",
        "codes": ["FLA101"],
        "reason": None,
    }
    assert (metric["metric"], metric["output"], "loss" in metric) == ("AUC", "main", False)
    assert undecided["reason"] == "loaded-model: load_model(path)"


def test_a_place_in_a_saved_model_has_no_line() -> None:
    place = Location("model.keras")
    report = Report((replace(FINDING, location=place, trace=()),), files=1)
    finding = json.loads(rendered(report, "json"))["findings"][0]
    assert [finding[key] for key in ("line", "column", "end_line", "end_column")] == [None] * 4
    assert "--> model.keras\n" in rendered(report)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (CLEAN, "All good: 1 site checked in 1 file, nothing wrong."),
        (Report(files=3), "Nothing to check: no loss or metric in 3 files."),
        (Report((), (OPEN, METRIC), (), files=2), "No findings."),
        (
            Report((), (WRONG,), (), files=1, silenced=(Silenced(FINDING, Silencer.COMMENT),)),
            "0 ok, 1 wrong, 0 undecided. 1 finding suppressed.",
        ),
        (Report((), (METRIC,), (Problem(PLACE, "binary file"),), files=1), "1 file could not be read"),
        (Report((), (), (Problem(PLACE, "binary file"),) * 2, files=1), "1 file could not be read"),
    ],
    ids=["clean", "no site", "undecided only", "suppressed", "an ignored problem", "nothing but one"],
)
def test_the_summary_fits_what_happened(report: Report, expected: str) -> None:
    assert expected in rendered(report)
    assert expected in rendered(report, "concise")


def test_the_commonest_reasons_come_first() -> None:
    def undecided(why: Why) -> Judged:
        return replace(OPEN, reason=Undecided(why))

    reasons = [Why.LIMIT, Why.DATA, Why.DATA, Why.RUNTIME, Why.EXTERNAL]
    text = rendered(Report((), tuple(map(undecided, reasons)), files=1))
    assert "not-a-model-output (2), analysis-limit (1), external-code (1), ..." in text


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [REPORT, CLEAN, Report()], ids=["findings", "clean", "empty"])
def test_colour_is_only_where_it_is_wanted(name: str, report: Report) -> None:
    assert "\x1b" not in rendered(report, name)


def test_colours_change_nothing_but_the_colours() -> None:
    import re

    coloured = rendered(style=Style(colour=True))
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered()


def test_quiet_leaves_the_findings_only() -> None:
    assert "Checked" not in rendered(style=Style(quiet=True))
    assert rendered(CLEAN, style=Style(quiet=True)) == ""


def test_statistics_count_each_rule() -> None:
    report = replace(REPORT, findings=(FINDING, FINDING, replace(FINDING, code="FLA201", name="other")))
    assert "     2  FLA101  softmax-as-logits\n     1  FLA201  other\n" in rendered(
        report, style=Style(statistics=True)
    )


def test_brackets_and_emoji_codes_in_source_stay_what_they_are() -> None:
    source = Text("x = f('[bold]:smile:[/bold]')")
    finding = replace(FINDING, location=Location("a.py", None, 1, 5, 1, 30), trace=(), message="[red]:x:")
    report = Report((finding,), files=1, sources={"a.py": source})
    assert source.text in rendered(report)
    assert "[red]:x:" in rendered(report)


def test_a_span_over_several_lines_shows_the_first() -> None:
    place = Location("train.py", None, 3, 1, 5, 2)
    report = Report((replace(FINDING, location=place, trace=()),), files=1, sources={"train.py": Text(CODE)})
    lines = rendered(report).splitlines()
    assert lines[3:5] == ["3 | model.compile(", "  | ^^^^^^^^^^^^^^"]


def test_a_file_that_is_not_there_any_more_costs_the_excerpt_only() -> None:
    text = rendered(replace(REPORT, sources={}))
    assert "--> train.py:4:10" in text
    assert "softmax over 10 units" in text


@pytest.mark.parametrize(
    ("line", "start", "end", "width", "text", "offset", "length"),
    [
        ("loss = f()", 7, 10, 80, "loss = f()", 7, 3),
        ("\tf()", 1, 4, 80, "    f()", 4, 3),
        ("x\t= f()", 4, 7, 80, "x    = f()", 7, 3),
        ("'損失', f()", 6, 9, 80, "'損失', f()", 8, 3),
        ("f('損失')", 0, 7, 80, "f('損失')", 0, 9),
        ("e\u0301 = f()", 5, 8, 80, "e\u0301 = f()", 4, 3),  # a combining accent takes no cell
        ("f()", 3, 3, 80, "f()", 3, 1),
        ("f()", 90, 99, 80, "f()", 3, 1),
        ("a\x1b[31mb", 0, 1, 80, "a\\x1b[31mb", 0, 1),
        ("a" * 30 + "XYZ" + "b" * 30, 30, 33, 30, "..." + "a" * 8 + "XYZ" + "b" * 13 + "...", 11, 3),
        ("XYZ" + "b" * 60, 0, 3, 30, "XYZ" + "b" * 21 + "...", 0, 3),
        ("a" * 60 + "XYZ", 60, 63, 30, "..." + "a" * 21 + "XYZ", 24, 3),
        ("a" * 10 + "X" * 90, 10, 100, 30, "..." + "a" * 8 + "X" * 16 + "...", 11, 16),
    ],
)
def test_an_excerpt_lines_its_carets_up(
    line: str, start: int, end: int, width: int, text: str, offset: int, length: int
) -> None:
    shown = excerpt(line, start, end, width)
    assert (shown.text, shown.offset, shown.length) == (text, offset, length)
    assert cell_len(shown.text) <= max(width, cell_len(text) if len(line) <= width else 0)


def test_a_line_of_megabytes_is_cut_around_the_caret() -> None:
    line = "a" * 5_000_000 + "loss" + "b" * 5_000_000
    shown = excerpt(line, 5_000_000, 5_000_004, 100)
    assert cell_len(shown.text) <= 100
    assert shown.text[shown.offset : shown.offset + shown.length] == "loss"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb", "a    b"),
        ("a\nb", "a\\nb"),
        ("\u202eevil", "\\u202eevil"),
        ("\udc80", "\\udc80"),
        ("é損", "é損"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_an_unknown_format_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="no such format"):
        reporter("xml")


def test_the_list_of_rules_is_the_same_in_both_formats() -> None:
    document = json.loads(as_json(RULES))
    assert [row["code"] for row in document["rules"]] == [rule.code for rule in RULES]
    lines = as_text(RULES).splitlines()
    for row, line in zip(document["rules"], lines, strict=True):
        assert line.split()[:3] == [row["code"], row["severity"], row["name"]]
        assert line.endswith(row["summary"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page_and_renders_in_every_format(rule) -> None:  # type: ignore[no-untyped-def]
    assert page(rule).startswith(f"{rule.code} {rule.name} ({rule.severity.value})\n")
    finding = replace(FINDING, code=rule.code, name=rule.name)
    for name in FORMATS:
        assert rule.code in rendered(replace(REPORT, findings=(finding,)), name)
