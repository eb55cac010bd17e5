"""The guides: generated parts agree with the program, links lead somewhere, examples are accepted."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from pathlib import Path

import click
import pytest
import traps
import yaml
from differential import forms, layouts, losses, pairs, values
from test_bounds import CASES

from fromlogits_audit import manual
from fromlogits_audit.cli import cli
from fromlogits_audit.config import KEYS, load
from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Family, Kind, Location, Loss, Output, Scale, Site, Why

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))


def blocks(kind: str) -> list[tuple[str, str]]:
    """(name of the guide, text) of every fenced block of a kind."""
    fence = re.compile(rf"^[ ]*```{kind}\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
    return [
        (path.name, textwrap.dedent(text))
        for path in GUIDES
        for text in fence.findall(path.read_text(encoding="utf-8"))
    ]


def test_the_page_of_options_is_what_the_command_says() -> None:
    assert (ROOT / manual.PAGE).read_text(encoding="utf-8") == manual.render()


def test_the_page_of_options_holds_every_option_and_key() -> None:
    page = manual.render()
    for command in cli.all().values():
        for option in (one for one in command.params if isinstance(one, click.Option)):
            assert all(f"`{name}`" in page for name in option.opts)
            assert option.help or command.name == "rules"
    assert all(f"`{key}`" in page for key in KEYS)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize(("guide", "text"), blocks("toml"))
def test_every_configuration_is_accepted(tmp_path: Path, guide: str, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert load([tmp_path]).root == tmp_path


COMMANDS = [
    (guide, line.partition("#")[0].strip())
    for guide, text in blocks("sh")
    for line in text.splitlines()
    if line.startswith("fromlogits-audit ")
]


@pytest.mark.parametrize(("guide", "line"), COMMANDS)
def test_every_command_is_one(guide: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command = cli.all()[words[0]]
    # A command keeps the option of its help that it first made: with the group's names for it.
    context = command.make_context(words[0], words[1:], **cli.context_settings)
    assert context.command is command


@pytest.mark.parametrize(("guide", "text"), blocks("yaml"))
def test_every_yaml_example_parses(guide: str, text: str) -> None:
    assert yaml.safe_load(text)


def test_the_hooks_of_the_guide_are_those_of_the_project() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    guide = (DOCS / "pre-commit.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(fromlogits[-\w]*)`", guide, re.MULTILINE)) == {hook["id"] for hook in hooks}


def test_every_reason_is_explained() -> None:
    guide = (DOCS / "undecided.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([-\w]+)` \|", guide, re.MULTILINE)) == {why.value for why in Why}


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (r"a form of model \((\d+)\)", len(forms.FORMS)),
        (r"a form of loss \((\d+)\)", len(losses.FORMS)),
        (r"a way in which they meet\s\((\d+)\)", len(pairs.PAIRINGS)),
        (r"a layout in files \((\d+)\)", len(layouts.LAYOUTS)),
        (r"said in (\d+) ways", len(values.ROUTES)),
        (r"programs built to be endless \((\d+) of them\)", len(CASES)),
        (r"harms whoever runs it \((\d+) Python files", len(traps.PYTHON)),
    ],
)
def test_what_trust_counts_is_counted(words: str, number: int) -> None:
    found = re.findall(words, (DOCS / "trust.md").read_text(encoding="utf-8"))
    assert found == [str(number)]


def test_trust_counts_the_models_that_harm(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    traps.write_models(tmp_path)
    guide = (DOCS / "trust.md").read_text(encoding="utf-8")
    assert f"a notebook, {len(list(tmp_path.iterdir()))} models" in guide


def test_the_rule_that_is_worked_out_works() -> None:
    ((_, code),) = [block for block in blocks("python") if block[0] == "adding-a-rule.md"]
    tree = ast.parse(code)
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported - used == {"annotations"} & imported, "a linter would object"
    names: dict[str, object] = {"__doc__": ""}
    exec(compile(code, "adding-a-rule.md", "exec", dont_inherit=True), names)
    rule = names["RULE"]
    site = Site(Kind.LOSS, Location("a.py", None, 1, 1, 1, 2), loss=Loss("Hinge", Family.ANY))
    check = rule.check  # type: ignore[attr-defined]
    found = check(site.at(output=Output(Scale.BOUNDED, "tanh", 1)))
    assert isinstance(found, Finding) and found.code == "FLA399"
    assert check(site) is None
