"""The pages under ``docs/rules``, made from the rules: ``python -m fromlogits_audit.rules.pages``."""

from __future__ import annotations

import sys
from pathlib import Path

from fromlogits_audit.finding import Severity
from fromlogits_audit.rules import RULES
from fromlogits_audit.rules.interface import Rule

INDEX = "README.md"
_NOTE = "<!-- Made from the rule's module by `python -m fromlogits_audit.rules.pages`: edit it there. -->"


def render(entry: Rule) -> str:
    """One rule's page, in Markdown."""
    severity = "off, an error under `--strict`" if entry.severity is Severity.OFF else entry.severity.value
    head = f"# {entry.code}: {entry.name}\n\n{_NOTE}\n\nSeverity: {severity}. Finds {entry.summary}.\n\n"
    return head + entry.page.strip() + "\n"


def render_index(rules: tuple[Rule, ...] = RULES) -> str:
    """The table of all rules, in Markdown."""
    rows = [
        f"| [{entry.code}]({entry.code}.md) | {entry.name} | {entry.severity.value} | {entry.summary} |"
        for entry in rules
    ]
    head = ["| code | name | severity | what it finds |", "| --- | --- | --- | --- |"]
    return "\n".join(["# Rules", "", _NOTE, "", *head, *rows]) + "\n"


def files() -> dict[str, str]:
    """Every page by file name."""
    return {INDEX: render_index(), **{f"{entry.code}.md": render(entry) for entry in RULES}}


def main(folder: str = "docs/rules") -> None:
    """Write every page into ``folder``, which is made where it does not exist."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (target / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
