"""Which comments silence which findings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Location
from fromlogits_audit.suppress import Suppressions, ignores_file, noqas


@dataclass(frozen=True)
class Text:
    """A source of the test's own; a location's cell is not looked at."""

    text: str

    def line_at(self, location: Location) -> str:
        return self.text.split("\n")[location.line - 1]

    def locate(self, line: int, column: int, end_line: int, end_column: int) -> Location:
        return Location("a.py", None, line, column, end_line, end_column)

    def stored(self, location: Location) -> Location:
        return location


def finding(code: str = "FLA101", line: int = 1, end_line: int | None = None) -> Finding:
    place = Location("a.py", None, line, 1, end_line or line, 9)
    return Finding(code, "name", Severity.ERROR, "message", place)


def is_suppressed(finding: Finding, text: str) -> bool:
    return Suppressions({finding.location.path: Text(text)}).silence(finding)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1", []),
        ("x = 1  # noqa", [()]),
        ("x = 1  #noqa", [()]),
        ("x = 1  # NOQA", [()]),
        ("x = 1  # noqa: FLA101", [("FLA101",)]),
        ("x = 1  # noqa:FLA101,FLA201", [("FLA101", "FLA201")]),
        ("x = 1  # noqa: E501 FLA101", [("E501", "FLA101")]),
        ("x = 1  # noqa: fla101", [("FLA101",)]),
        ("x = 1  # noqa : FLA101", [("FLA101",)]),
        ("x = 1  # noqa: FLA101 the head is applied elsewhere", [("FLA101",)]),
        ("x = 1  # noqa: FLA101 - see the paper", [("FLA101",)]),
        ("x = 1  # type: ignore # noqa: FLA101", [("FLA101",)]),
        ("x = 1  # this needs no noqa at all", []),
        ("x = 1  # noqa: FLA101 # noqa: FLA201", [("FLA101",), ("FLA201",)]),
        ("x = 1  # noqa:", []),
        ("x = 1  # noqa: because", []),
        ("x = 1  # noqaFLA101", []),
        ("noqa = 1", []),
    ],
)
def test_what_a_noqa_comment_names(line: str, expected: list[tuple[str, ...]]) -> None:
    assert [one.codes for one in noqas(line)] == expected


@pytest.mark.parametrize(
    ("comment", "code", "expected"),
    [
        ("# noqa", "FLA101", True),
        ("# noqa: FLA101", "FLA101", True),
        ("# noqa: FLA1", "FLA101", True),
        ("# noqa: FLA102", "FLA101", False),
        ("# noqa: E501", "FLA101", False),
    ],
)
def test_a_comment_silences_the_codes_it_names(comment: str, code: str, expected: bool) -> None:
    assert is_suppressed(finding(code), f"loss = f()  {comment}") is expected


@pytest.mark.parametrize(("marked", "expected"), [(1, False), (2, True), (3, False), (4, True), (5, False)])
def test_a_call_of_several_lines_has_its_comment_on_the_first_or_last(marked: int, expected: bool) -> None:
    lines = [f"line_{number}" + ("  # noqa: FLA101" if number == marked else "") for number in range(1, 6)]
    assert is_suppressed(finding(line=2, end_line=4), "\n".join(lines)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# fromlogits-audit: ignore-file\nx = 1", True),
        ("import keras\n    # fromlogits-audit: ignore-file - generated\n", True),
        ("#fromlogits-audit:ignore-file", True),
        ("x = '# fromlogits-audit: ignore-file'", False),
        ("# fromlogits-audit: ignore-files", False),
        ("x = '''\n# fromlogits-audit: ignore-file\n'''\n", False),
        ("x = (  # why\n    # fromlogits-audit: ignore-file\n    1\n)\n", True),
        ("# fromlogits-audit: ignore-file\nx = (\n", True),
        ("# fromlogits-audit: ignore-line", False),
    ],
)
def test_a_file_that_asks_to_be_left_out(text: str, expected: bool) -> None:
    assert ignores_file(text) is expected


def test_an_ignored_file_silences_every_line() -> None:
    assert is_suppressed(finding(line=2), "# fromlogits-audit: ignore-file\nloss = f()")


def test_silenced_findings_are_counted_and_other_files_are_left_alone() -> None:
    elsewhere = Finding("FLA101", "name", Severity.ERROR, "message", Location("b.py", None, 1, 1, 1, 9))
    comments = Suppressions({"a.py": Text("f()  # noqa: FLA101")})
    kept, silenced = comments.split([finding(), finding("FLA201"), elsewhere])
    assert [one.code for one in kept] == ["FLA201", "FLA101"]
    assert [one.finding for one in silenced] == [finding()]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("x = f() + \\\n    1  # noqa: FLA101\n", 1, True),
        ('x = f(), """\ntext\n"""  # noqa: FLA101\n', 1, True),
        ("x = [\n    f(),\n    2,  # noqa: FLA101\n]\n", 2, False),
        ("x = [\n    f(),\n]  # noqa: FLA101\n", 2, False),
        ("x = f(), '# noqa: FLA101'\n", 1, False),
        ('x = f(), """\n# noqa: FLA101\n"""\n', 1, False),
        ("x = f( # noqa: FLA101\n", 1, True),  # no tokens: the line alone counts
    ],
)
def test_a_line_that_cannot_end_in_a_comment_has_it_at_the_end_of_the_next_that_can(
    text: str, line: int, expected: bool
) -> None:
    assert is_suppressed(finding(line=line), text) is expected


def unused(text: str, *findings: Finding, off: tuple[str, ...] = ()) -> list[tuple[str, int, int]]:
    """The messages of FLA003 and their places, after these findings went through."""
    comments = Suppressions({"a.py": Text(text)})
    comments.split(findings)
    found = comments.unused(["a.py"], lambda path: frozenset(off))
    return [(one.message, one.location.line, one.location.column) for one in found]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# noqa: FLA101", None),
        ("# noqa: FLA1", None),
        ("# noqa", None),
        ("# noqa: E501", None),
        ("# noqa: FLA101, E501", None),
        ("# noqa: FLA003", None),
        ("# noqa: FLA101, FLA201", "`# noqa: FLA201` silences nothing here."),
        ("# noqa: FLA101 FLA201 FLA301", "`# noqa: FLA201, FLA301` silences nothing here."),
        ("# noqa: FLA2", "`# noqa: FLA2` silences nothing here."),
        ("# noqa: FLA999", "`# noqa: FLA999` silences nothing here. There is no rule FLA999."),
        ("# noqa: FLA202 a reason", "`# noqa: FLA202` silences nothing here."),
        ("# fine  # noqa: FLA202", "`# noqa: FLA202` silences nothing here."),
    ],
)
def test_a_code_that_silences_nothing_is_told(comment: str, expected: str | None) -> None:
    text = f"x = f()  {comment}\n"
    told = unused(text, finding("FLA101"))
    assert told == ([(expected, 1, text.index("# noqa") + 1)] if expected else [])


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("x = '# noqa: FLA101'\n", ()),
        ('"""\n# noqa: FLA101\n"""\n', ()),
        ("x = f()  # noqa: FLA101\n", ("FLA101",)),
        ("x = f()  # noqa: FLA1\n", ("FLA102",)),
        ("# fromlogits-audit: ignore-file\nx = f()  # noqa: FLA101\n", ()),
        ("x = f(  # noqa: FLA101\n", ()),
    ],
    ids=["string", "docstring", "rule off", "prefix of a rule off", "ignored file", "no tokens"],
)
def test_what_is_no_comment_or_may_be_needed_is_left_alone(text: str, off: tuple[str, ...]) -> None:
    assert unused(text, off=off) == []


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("x = f()  # noqa: FLA101\n", "x = f()\n"),
        ("x = f()  # noqa: FLA101 because\n", "x = f()\n"),
        ("x = f()  # noqa: FLA101, E501 why\n", "x = f()  # noqa: E501 why\n"),
        ("x = f()  # type: ignore # noqa: FLA101\n", "x = f()  # type: ignore\n"),
        ("x = f()  # noqa: FLA101 # type: ignore\n", "x = f()  # type: ignore\n"),
    ],
)
def test_the_mend_takes_out_what_is_unused(line: str, mended: str) -> None:
    (found,) = Suppressions({"a.py": Text(line)}).unused(["a.py"], lambda path: frozenset())
    (edit,) = found.fixes[0].edits
    place = edit.location
    assert line[: place.column - 1] + edit.text + line[place.end_column - 1 :] == mended
