"""``--add-noqa``: writes the comments that silence what is found today."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from fromlogits_audit.errors import InputError
from fromlogits_audit.finding import Edit
from fromlogits_audit.lean import dataclass
from fromlogits_audit.report import Report, Source
from fromlogits_audit.source.rewrite import is_as_read, rewritten, source_of
from fromlogits_audit.suppress import noqa_edits
from fromlogits_audit.writing import write_whole


@dataclass(frozen=True)
class Added:
    """How many lines have got a comment, in how many files, and what could not be written."""

    lines: int = 0
    files: int = 0
    notes: tuple[str, ...] = ()


def add_noqa(report: Report, cwd: Path) -> Added:
    """Write a ``# noqa`` for every finding of a report; nothing but comments changes."""
    by_path: dict[str, list[Edit]] = defaultdict(list)
    for edit in noqa_edits(report.findings, report.sources):
        by_path[edit.location.path].append(edit)
    lines = files = 0
    notes: list[str] = []
    for path, edits in sorted(by_path.items()):
        problem = _write(cwd / path, edits, report.sources.get(path))
        if problem is None:
            lines, files = lines + len(edits), files + 1
        else:
            notes.append(f"{path}: no comment was added: {problem}")
    return Added(lines, files, tuple(notes))


def _write(file: Path, edits: list[Edit], source: Source | None) -> str | None:
    """Why a file could not be written, None where it was."""
    try:
        before = file.read_bytes()
        if not is_as_read(source.text if source is not None else None, before, file):
            return "it was changed by somebody else meanwhile"
        after = rewritten(before, file, edits)
        if _meaning(before, file) != _meaning(after, file):
            return "the file would not mean the same any more"
        write_whole(file, after)
    except OSError as error:
        return error.strerror or str(error)
    except (InputError, SyntaxError, ValueError, LookupError) as error:
        return str(error)
    return None


def _meaning(data: bytes, file: Path) -> str:
    """The program without its comments."""
    return ast.dump(ast.parse(source_of(data, file, file.name).text))
