"""The pages under ``docs/rules`` and the README's table, made from the rules.

``python -m fromlogits_audit.rules.pages`` writes both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fromlogits_audit.finding import Severity
from fromlogits_audit.rules import RULES
from fromlogits_audit.rules.interface import Rule

INDEX = "README.md"
BEGIN, END = "<!-- rules -->", "<!-- /rules -->"
_NOTE = "<!-- Made from the rule's module by `python -m fromlogits_audit.rules.pages`: edit it there. -->"


def render(entry: Rule) -> str:
    """One rule's page, in Markdown."""
    severity = "off, an error under `--strict`" if entry.severity is Severity.OFF else entry.severity.value
    head = f"# {entry.code}: {entry.name}\n\n{_NOTE}\n\nSeverity: {severity}. Finds {entry.summary}.\n\n"
    return head + entry.page.strip() + "\n"


def render_table(folder: str = "") -> str:
    """The table of all rules, in Markdown; its links find the pages in ``folder`` (``docs/rules/``)."""
    rows = [
        f"| [{one.code}]({folder}{one.code}.md) | {one.name} | {one.severity.value} | {one.summary} |"
        for one in RULES
    ]
    return "\n".join(["| code | name | severity | what it finds |", "| --- | --- | --- | --- |", *rows])


def render_index() -> str:
    """The page that lists all rules, in Markdown."""
    return "\n".join(["# Rules", "", _NOTE, "", render_table()]) + "\n"


def with_table(text: str, table: str) -> str:
    """``text`` with ``table`` between its two markers; a ``ValueError`` where it has not one of each."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"expected one {BEGIN} and one {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def files() -> dict[str, str]:
    """Every page by file name."""
    return {INDEX: render_index(), **{f"{entry.code}.md": render(entry) for entry in RULES}}


def main(folder: str = "docs/rules", readme: str | None = None) -> None:
    """Write every page into ``folder``, made where it does not exist, and the table into ``readme``.

    Raises ``ValueError`` where ``readme`` lacks the table's two markers.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (target / name).write_text(text, encoding="utf-8", newline="\n")
    if readme is not None:
        old = Path(readme).read_text(encoding="utf-8")
        new = with_table(old, render_table(f"{target.as_posix()}/"))
        Path(readme).write_text(new, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*(sys.argv[1:3] or ["docs/rules", "README.md"]))
