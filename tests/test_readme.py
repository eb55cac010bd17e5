"""The README: its table is the registry's, and what it shows is what the command prints today."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from fromlogits_audit.cli import cli
from fromlogits_audit.config import load
from fromlogits_audit.finding import Severity
from fromlogits_audit.rules import RULES, pages

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(kind: str, marker: str = "") -> list[str]:
    """The text of every fenced block of a kind, or of those that follow a marker."""
    return re.findall(rf"{marker and f'<!-- {marker} -->'}\n```{kind}\n(.*?)```", README, re.DOTALL)


def printed(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The standard output of a command line, run in a folder."""
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, shlex.split(line)[1:]).stdout


def test_the_table_is_made_from_the_rules() -> None:
    assert pages.with_table(README, pages.render_table("docs/rules/")) == README


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_table_names_the_rule_as_it_is(rule: pages.Rule) -> None:
    severity = "off" if rule.severity is Severity.OFF else rule.severity.value
    row = f"| [{rule.code}](docs/rules/{rule.code}.md) | {rule.name} | {severity} | {rule.summary} |"
    assert README.splitlines().count(row) == 1


@pytest.mark.parametrize(
    "text", ["", pages.BEGIN, f"{pages.BEGIN}{pages.BEGIN}{pages.END}"], ids=["none", "open", "twice"]
)
def test_a_text_without_its_two_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected one"):
        pages.with_table(text, "table")


def test_the_table_is_written_and_nothing_around_it(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n", encoding="utf-8")
    pages.main(str(tmp_path / "pages"), str(readme))
    table = pages.render_table(f"{(tmp_path / 'pages').as_posix()}/")
    assert readme.read_text(encoding="utf-8") == f"before\n{pages.BEGIN}\n{table}\n{pages.END}\nafter\n"


def test_the_example_prints_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,), (output,) = fenced("python", "example"), fenced("text", "output")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    assert printed(tmp_path, "fromlogits-audit scan train.py", monkeypatch) == output


def test_the_demo_prints_what_the_readme_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts, too, which grow with every fixture."""
    (block,) = fenced("text", "demo")
    commands = [line for line in block.splitlines() if line.startswith(".venv")]
    real = [line for command in commands for line in printed(ROOT, command, monkeypatch).splitlines()]
    shown = [line for line in block.splitlines() if not line.startswith(("...", ".venv"))]
    assert len(commands) == 2 and shown
    assert [line for line in shown if line not in real] == []


@pytest.mark.parametrize(
    "line",
    [
        line.partition(" #")[0]
        for block in fenced("sh")
        for line in block.splitlines()
        if "fromlogits-audit " in line
    ],
)
def test_every_command_is_one(line: str) -> None:
    words = shlex.split(line)[1:]
    command = cli.all()[words[0]]
    assert command.make_context(words[0], words[1:], **cli.context_settings).command is command


def test_the_configuration_is_accepted(tmp_path: Path) -> None:
    (text,) = fenced("toml")
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert load([tmp_path]).root == tmp_path


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_make_docs_writes_every_generated_part() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\ndocs:")[2].partition("\n\n")[0]
    assert re.findall(r"-m (\S+)", recipe) == ["fromlogits_audit.rules.pages", "fromlogits_audit.manual"]
