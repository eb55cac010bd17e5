"""The registry keeps its promises: codes, names, severities, pages and imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fromlogits_audit.ir import Kind, Location, Output, Site
from fromlogits_audit.rules import RULES, Rule, pages, rule
from fromlogits_audit.rules.interface import HEADINGS, sections, snippet

PROMISED = [
    ("FLA001", "unreadable", "error"),
    ("FLA002", "undecided", "off"),
    ("FLA003", "unused-suppression", "warning"),
    ("FLA101", "softmax-as-logits", "error"),
    ("FLA102", "sigmoid-as-logits", "error"),
    ("FLA201", "logits-as-probabilities", "error"),
    ("FLA202", "logits-as-binary-probabilities", "error"),
    ("FLA203", "logits-into-probability-loss", "error"),
    ("FLA204", "log-probabilities-as-probabilities", "error"),
    ("FLA301", "sigmoid-with-categorical-loss", "warning"),
    ("FLA302", "softmax-with-binary-loss", "warning"),
    ("FLA303", "softmax-over-one-unit", "error"),
    ("FLA304", "one-unit-categorical-loss", "error"),
    ("FLA305", "non-probability-activation", "error"),
    ("FLA306", "clipped-logits", "warning"),
    ("FLA401", "probability-threshold-on-logits", "warning"),
    ("FLA402", "metric-from-logits-mismatch", "error"),
    ("FLA403", "probability-cutoff-on-logits", "warning"),
    ("FLA404", "activation-applied-twice", "error"),
    ("FLA501", "integer-labels-with-one-hot-loss", "error"),
    ("FLA502", "one-hot-labels-with-sparse-loss", "error"),
    ("FLA503", "units-do-not-fit-labels", "error"),
    ("FLA601", "loss-class-not-instantiated", "warning"),
    ("FLA602", "from-logits-not-a-bool", "error"),
    ("FLA701", "half-precision-probabilities", "warning"),
    ("FLA801", "model-unsafe-to-load", "warning"),
    ("FLA802", "probe-disagrees", "error"),
]
"""Codes never change their meaning: a row here is only ever added."""

DOCS = Path(__file__).resolve().parent.parent / "docs" / "rules"

each_rule = pytest.mark.parametrize("entry", RULES, ids=[entry.code for entry in RULES])


def test_the_registry_is_what_was_promised_in_the_order_of_the_codes() -> None:
    assert [(entry.code, entry.name, entry.severity.value) for entry in RULES] == PROMISED


def test_a_rule_is_found_by_its_code_and_an_unknown_code_is_an_error() -> None:
    assert all(rule(entry.code) is entry for entry in RULES)
    with pytest.raises(KeyError):
        rule("FLA999")


@each_rule
def test_a_page_has_every_section_in_order_and_none_is_empty(entry: Rule) -> None:
    found = sections(entry.page)
    assert tuple(found) == HEADINGS
    assert all(found.values())


@each_rule
def test_each_page_shows_two_different_programs_and_the_mended_one_parses(entry: Rule) -> None:
    assert entry.example != entry.use_instead
    assert "import keras" in entry.use_instead
    ast.parse(entry.use_instead)


@each_rule
def test_every_example_parses_but_that_of_the_unreadable_file(entry: Rule) -> None:
    if entry.code == "FLA001":
        with pytest.raises(SyntaxError):
            ast.parse(entry.example)
    else:
        ast.parse(entry.example)


@each_rule
def test_a_rule_says_nothing_about_a_site_of_which_nothing_is_known(entry: Rule) -> None:
    for kind in Kind:
        assert entry.check(Site(kind, Location("a.py", None, 1, 1, 1, 2), Output())) is None


def test_a_section_without_a_snippet_is_an_error() -> None:
    with pytest.raises(ValueError, match="fenced"):
        snippet("only prose")


@pytest.mark.parametrize("name", sorted(pages.files()))
def test_the_documentation_is_what_the_rules_say(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages.files()[name]


def test_the_documentation_has_no_page_of_a_rule_that_is_gone() -> None:
    assert sorted(path.name for path in DOCS.glob("*.md")) == sorted(pages.files())


def test_pages_are_written_into_a_folder_that_need_not_exist(tmp_path: Path) -> None:
    pages.main(str(tmp_path / "a" / "b"))
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "a" / "b").iterdir()}
    assert written == pages.files()


def test_the_rules_are_imported_without_the_parser_the_command_or_tensorflow() -> None:
    heavy = ("libcst", "click", "rich", "h5py", "tensorflow", "keras", "numpy")
    code = f"import sys, fromlogits_audit.rules.judge; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
