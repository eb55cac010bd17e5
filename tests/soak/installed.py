"""Audits every installed package and the standard library, file by file, and says what it found.

``python tests/soak/installed.py [PACKAGE...]``: all of site-packages and of the standard library (its test
suite too) where none is named. The exit status is 1 where a file breaks a promise: an exception, a "bug of
this tool", more than ``BOUND`` CPU seconds. The findings are for a reader: docs/trust.md explains them.
"""

from __future__ import annotations

import json
import signal
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from fromlogits_audit.pipeline import audit_source
from fromlogits_audit.source.triage import might_matter

BOUND = 20
"""CPU seconds for one file, with all that it imports."""


class TooSlow(BaseException):
    """The bound of a file is reached: no handler of the audit may take it for its own."""


def stop(signum: int, frame: FrameType | None) -> None:
    raise TooSlow


def roots() -> list[Path]:
    paths = sysconfig.get_paths()
    return [Path(paths["purelib"]), Path(paths["stdlib"])]


def files(names: list[str]) -> Iterator[tuple[Path, Path]]:
    """(root, file) of what has to be read: the rest of a package names nothing that matters."""
    purelib, stdlib = roots()
    for root in (purelib, stdlib):
        starts = [root / name for name in names if (root / name).exists()] if names else [root]
        for start in starts:
            for path in sorted([start] if start.suffix == ".py" else start.rglob("*.py")):
                inside = path.relative_to(root).parts
                if root == stdlib and "site-packages" in inside:
                    continue
                yield root, path


def audit(root: Path, path: Path, seen: Counter[str]) -> dict[str, Any]:
    start = time.process_time()
    row: dict[str, Any] = {"path": path.relative_to(root).as_posix(), "broken": ""}
    signal.setitimer(signal.ITIMER_PROF, BOUND)
    try:
        report = audit_source([path], cwd=root)
        signal.setitimer(signal.ITIMER_PROF, 0)
        row["findings"] = [[f.code, f.location.path, f.location.line, f.message] for f in report.findings]
        bugs = [f.message for f in report.findings if "bug of this tool" in f.message]
        row["broken"] = bugs[0] if bugs else ""
        seen.update(judged.status.value for judged in report.sites)
    except TooSlow:
        row["broken"] = f"more than {BOUND} s"
    except Exception as error:
        row["broken"] = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    row["seconds"] = round(time.process_time() - start, 1)
    return row


def main(names: list[str]) -> int:
    signal.signal(signal.SIGPROF, stop)
    counted, seen = Counter[str](), Counter[str]()
    found: set[tuple[str, str, int]] = set()
    slowest = {"seconds": 0.0, "path": ""}
    for root, path in files(names):
        counted["files"] += 1
        try:
            matters = might_matter(path.read_bytes())
        except OSError:
            continue
        if not matters:
            continue
        counted["analysed"] += 1
        row = audit(root, path, seen)
        slowest = max(slowest, row, key=lambda one: one["seconds"])
        for code, where, line, said in row.get("findings", []):
            if (code, where, line) not in found:
                found.add((code, where, line))
                print(f"{where}:{line}: {code} {said}", flush=True)
        if row["broken"]:
            counted["broken"] += 1
            print("BROKEN", row["path"], row["broken"], flush=True)
    print(json.dumps({**counted, "findings": len(found), "sites": dict(seen), "slowest": slowest["path"],
                      "seconds": slowest["seconds"]}))  # fmt: skip
    return 1 if counted["broken"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
