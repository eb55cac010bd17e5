"""Run fixtures under watch, one after the other in this process, and say what was seen of each."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs import run_module

from fromlogits_audit.config import Settings
from fromlogits_audit.ir import Kind
from fromlogits_audit.live.watch import Watch
from fromlogits_audit.report import Report
from fromlogits_audit.watching import report_on

ONLY_READING = ("FLA001", "FLA003", "FLA403", "FLA404")
"""Files that don't parse, comments, and what a program does with predictions: not seen by a watch."""
FACTS = ("from_logits", "scale", "activation", "units", "output", "status")


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """In a folder, as if its programs were started there; its modules are forgotten afterwards."""
    before, path, cwd = set(sys.modules), list(sys.path), Path.cwd()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.chdir(cwd)
        sys.path[:], sys.dont_write_bytecode = path, writes
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
                del sys.modules[name]


def watched(folder: Path, module: str, call: str | None) -> Report:
    """The report of one run. Raises what the program raises, and where watching itself went wrong."""
    with inside(folder), Watch(folder) as watch:
        run_module(folder / module, call)
    assert not watch.problems, watch.problems
    return report_on(watch.sites, Settings(), folder)


def facts(report: Report) -> list[dict[str, Any]]:
    """The sites in the words of ``expected.json``."""
    found = []
    for judged in report.sites:
        site = judged.site
        subject = site.loss if site.kind is Kind.LOSS else site.metric
        assert subject is not None
        values = (
            subject.from_logits, site.output.scale.value, site.output.activation, site.output.units,
            site.output.name, judged.status.value,
        )  # fmt: skip
        where = {"path": site.location.path, "cell": None, "line": site.location.line}
        found.append({**where, site.kind.value: subject.name, **dict(zip(FACTS, values, strict=True))})
    return found


def agrees(want: dict[str, Any], got: dict[str, Any]) -> bool:
    """Whether a site has every expected fact; a name that is left open (null) may be any."""
    open_names = {key for key in ("loss", "metric") if key in want and want[key] is None and key in got}
    return all(got.get(key, "absent") == value for key, value in want.items() if key not in open_names)


def codes(report: Report) -> set[tuple[str, int, str]]:
    return {(f.location.path, f.location.line, f.code) for f in report.findings}


def load(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document
