"""What a change does to the verdicts on public code: ``python benchmarks/ecosystem.py CHECKOUTS``.

``ecosystem/repositories.toml`` names repositories and their commits; CHECKOUTS is a folder with a checkout
of each, by name. Every checkout that is there is scanned, and its findings and counts are compared with
``ecosystem/expected/NAME.json``: what is new stands with ``+``, what is gone with ``-``. ``--accept`` stores
what was found as the new expectation. What is audited is only read, never run.

Exit status: 0 everything as expected (or accepted), 1 something differs, 2 nothing could be scanned.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOME = Path(__file__).resolve().parent.parent / "ecosystem"
TIMEOUT = 900
"""Seconds for one repository."""
COUNTS = ("files", "sites", "ok", "findings", "undecided")


@dataclass(frozen=True)
class Repository:
    """A public repository: ``source`` is owner/name, ``covers`` says in words what it adds to the list."""

    name: str
    source: str
    commit: str
    covers: str


Found = tuple[str, str, int, int]
"""One finding: path, code, cell (0 in a script), line."""


@dataclass(frozen=True)
class Snapshot:
    """What a scan says of a repository, as far as it is compared."""

    counts: dict[str, int]
    findings: tuple[Found, ...]

    @classmethod
    def of(cls, document: dict[str, Any]) -> Snapshot:
        """From a JSON report, or from a stored expectation, which is a part of one."""
        found = ((f["path"], f["code"], f["cell"] or 0, f["line"] or 0) for f in document["findings"])
        return cls({name: document["summary"][name] for name in COUNTS}, tuple(sorted(found)))

    def text(self) -> str:
        """The stored form: JSON with one finding a line, so that a diff of two can be read."""
        keys = ("path", "code", "cell", "line")
        rows = [
            json.dumps(dict(zip(keys, (p, c, n or None, at), strict=True))) for p, c, n, at in self.findings
        ]
        inner = ",\n".join(f"  {row}" for row in rows)
        findings = f"[\n{inner}\n ]" if rows else "[]"
        return f'{{"summary": {json.dumps(self.counts)},\n "findings": {findings}}}\n'


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Findings added and removed, then the counts that changed; empty where all is as it was."""
    lines = [f"  + {_shown(f)}" for f in _surplus(after.findings, before.findings)]
    lines += [f"  - {_shown(f)}" for f in _surplus(before.findings, after.findings)]
    for name in COUNTS:
        old, new = before.counts[name], after.counts[name]
        if old != new:
            lines.append(f"  {name}: {old} -> {new}")
    return lines


def _surplus(these: Sequence[Found], those: Sequence[Found]) -> list[Found]:
    """What the first have more of: a finding may stand twice."""
    left = list(those)
    more = []
    for found in these:
        if found in left:
            left.remove(found)
        else:
            more.append(found)
    return more


def _shown(found: Found) -> str:
    path, code, cell, line = found
    return f"{code} {path}:{f'cell {cell}:' if cell else ''}{line}"


def repositories(home: Path = HOME) -> list[Repository]:
    rows = tomllib.loads((home / "repositories.toml").read_text(encoding="utf-8"))["repository"]
    return [Repository(row["name"], row["source"], row["commit"], row["covers"]) for row in rows]


def scan(checkout: Path) -> Snapshot | str:
    """The findings in a checkout, or a sentence that says why there are none."""
    # Isolated: Python would otherwise import what the checkout holds under the name of a module.
    options = ["--no-cache", "--exit-zero", "--output-format", "json"]
    command = [sys.executable, "-I", "-m", "fromlogits_audit", "scan", *options, "."]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT} s"
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return f"exit status {done.returncode}: {' '.join(last)}"
    return Snapshot.of(json.loads(done.stdout))


def elsewhere(checkout: Path, commit: str) -> str | None:
    """The commit of a checkout where it is known and not the one that is asked for."""
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    head = done.stdout.strip()
    return head if done.returncode == 0 and head != commit else None


def check(repository: Repository, checkouts: Path, *, accept: bool, home: Path = HOME) -> bool | None:
    """Scan one repository and print how it differs; None where it is not there, False where it differs."""
    checkout = checkouts / repository.name
    if not checkout.is_dir():
        print(f"{repository.name}: no checkout, skipped ({repository.source} at {repository.commit[:10]})")
        return None
    other = elsewhere(checkout, repository.commit)
    if other is not None:
        print(f"{repository.name}: skipped, checked out at {other[:10]} and not {repository.commit[:10]}")
        return None
    start = time.perf_counter()
    found = scan(checkout)
    if isinstance(found, str):
        print(f"{repository.name}: {found}")
        return False
    counts = ", ".join(f"{found.counts[name]} {name}" for name in COUNTS)
    print(f"{repository.name}: {counts}, {time.perf_counter() - start:.1f} s")
    return _compared(home / "expected" / f"{repository.name}.json", found, accept=accept)


def _compared(stored: Path, found: Snapshot, *, accept: bool) -> bool:
    known = Snapshot.of(json.loads(stored.read_text(encoding="utf-8"))) if stored.exists() else None
    lines = differences(known, found) if known is not None else ["  nothing is stored to compare it with"]
    print(*lines, sep="\n", end="\n" if lines else "")
    if accept:
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_text(found.text(), encoding="utf-8")
    return accept or not lines


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkouts", type=Path, help="folder with a checkout of each repository, by name")
    parser.add_argument("--accept", action="store_true", help="store what is found as the new expectation")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="these repositories alone"
    )
    given = parser.parse_args(argv)
    chosen = [r for r in repositories(home) if not given.only or r.name in given.only]
    results = [check(r, given.checkouts, accept=given.accept, home=home) for r in chosen]
    scanned = [result for result in results if result is not None]
    print(f"{len(scanned)} of {len(chosen)} repositories scanned, {scanned.count(False)} differ.")
    return 2 if not scanned else int(False in scanned)


if __name__ == "__main__":
    sys.exit(main())
