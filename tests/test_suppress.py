"""Which comments silence which findings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Location
from fromlogits_audit.suppress import ignores_file, is_suppressed, noqa_codes, without_suppressed


@dataclass(frozen=True)
class Text:
    """A source of the test's own; a location's cell is not looked at."""

    text: str

    def line_at(self, location: Location) -> str:
        return self.text.split("\n")[location.line - 1]


def finding(code: str = "FLA101", line: int = 1, end_line: int | None = None) -> Finding:
    place = Location("a.py", None, line, 1, end_line or line, 9)
    return Finding(code, "name", Severity.ERROR, "message", place)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1", None),
        ("x = 1  # noqa", set()),
        ("x = 1  #noqa", set()),
        ("x = 1  # NOQA", set()),
        ("x = 1  # noqa: FLA101", {"FLA101"}),
        ("x = 1  # noqa:FLA101,FLA201", {"FLA101", "FLA201"}),
        ("x = 1  # noqa: E501 FLA101", {"E501", "FLA101"}),
        ("x = 1  # noqa: fla101", {"FLA101"}),
        ("x = 1  # noqa : FLA101", {"FLA101"}),
        ("x = 1  # noqa: FLA101 the head is applied elsewhere", {"FLA101"}),
        ("x = 1  # noqa: FLA101 - see the paper", {"FLA101"}),
        ("x = 1  # type: ignore # noqa: FLA101", {"FLA101"}),
        ("x = 1  # this needs no noqa at all", None),
        ("x = 1  # noqa: FLA101 # noqa: FLA201", {"FLA101", "FLA201"}),
        ("x = 1  # noqa:", None),
        ("x = 1  # noqa: because", None),
        ("x = 1  # noqaFLA101", None),
        ("noqa = 1", None),
    ],
)
def test_what_a_noqa_comment_names(line: str, expected: set[str] | None) -> None:
    assert noqa_codes(line) == expected


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
    assert is_suppressed(finding(code), Text(f"loss = f()  {comment}")) is expected


@pytest.mark.parametrize(("marked", "expected"), [(1, False), (2, True), (3, False), (4, True), (5, False)])
def test_a_call_of_several_lines_has_its_comment_on_the_first_or_last(marked: int, expected: bool) -> None:
    lines = [f"line {number}" + ("  # noqa: FLA101" if number == marked else "") for number in range(1, 6)]
    assert is_suppressed(finding(line=2, end_line=4), Text("\n".join(lines))) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# fromlogits-audit: ignore-file\nx = 1", True),
        ("import keras\n    # fromlogits-audit: ignore-file - generated\n", True),
        ("#fromlogits-audit:ignore-file", True),
        ("x = '# fromlogits-audit: ignore-file'", False),
        ("# fromlogits-audit: ignore-files", False),
        ("# fromlogits-audit: ignore-line", False),
    ],
)
def test_a_file_that_asks_to_be_left_out(text: str, expected: bool) -> None:
    assert ignores_file(text) is expected


def test_an_ignored_file_silences_every_line() -> None:
    assert is_suppressed(finding(line=2), Text("# fromlogits-audit: ignore-file\nloss = f()"))


def test_silenced_findings_are_counted_and_other_files_are_left_alone() -> None:
    elsewhere = Finding("FLA101", "name", Severity.ERROR, "message", Location("b.py", None, 1, 1, 1, 9))
    kept, silenced = without_suppressed(
        [finding(), finding("FLA201"), elsewhere], {"a.py": Text("f()  # noqa: FLA101")}
    )
    assert [one.code for one in kept] == ["FLA201", "FLA101"]
    assert silenced == 1
