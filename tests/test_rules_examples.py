"""The examples of the rules' pages are exact tests of the whole scan."""

from __future__ import annotations

import pytest

from fromlogits_audit.finding import Severity
from fromlogits_audit.ir import Kind
from fromlogits_audit.pipeline import audit_text
from fromlogits_audit.rules import RULES, Rule

each_rule = pytest.mark.parametrize("entry", RULES, ids=[entry.code for entry in RULES])


@each_rule
def test_the_example_gives_this_finding_and_no_other(entry: Rule) -> None:
    silent = entry.severity is Severity.OFF or entry.kinds == {Kind.MODEL}
    expected = [] if silent else [entry.code]  # what a saved model holds is not seen in code
    assert [finding.code for finding in audit_text(entry.example).findings] == expected


@each_rule
def test_the_mended_example_gives_no_finding(entry: Rule) -> None:
    assert [finding.code for finding in audit_text(entry.use_instead).findings] == []


def test_the_example_of_undecided_is_undecided_and_its_mend_is_not() -> None:
    (entry,) = (entry for entry in RULES if entry.code == "FLA002")
    assert audit_text(entry.example).summary.undecided == 1
    assert audit_text(entry.use_instead).summary.undecided == 0
