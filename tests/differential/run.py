"""Generate, scan and run programs in one process of one backend: ``python -m differential.run --help``."""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from . import compare, scan
from .layouts import Program, generate


def examine(program: Program, folder: Path, *, with_keras: bool) -> dict[str, Any]:
    """Problems, undecided sites and counts of one program."""
    scan.store(program, folder)
    sites = scan.scanned(folder)
    problems = scan.differences(program, sites)
    if with_keras:
        from . import live

        targets: dict[str | None, list[str]] = {}
        for target, output, _ in program.sites.values():
            targets.setdefault(output, []).append(target.name)
        unrun = [program.written.places[n] for n in program.unrun]
        try:
            meetings = live.run(folder, program.entry, targets)
        except Exception as error:
            problems.append(f"does not run: {type(error).__name__}: {error}"[:400])
        else:
            problems += [f"run: {p}" for p in compare.contradictions(sites, meetings, unrun)]
    undecided = [s["reason"] for s in sites if s["status"] == "undecided" and not scan.is_left_out(s)]
    return {"problems": problems, "sites": len(sites), "undecided": undecided}


SLOW = ("model:application",)
"""Features of programs that take seconds."""


def examine_all(seeds: range, backend: str | None, *, quick: bool = False) -> dict[str, Any]:
    """The counts over all programs of ``seeds`` that run on ``backend`` (None: scanned only)."""
    total: dict[str, Any] = {"programs": 0, "sites": 0, "undecided": collections.Counter(), "problems": {}}
    for seed in seeds:
        program = generate(seed)
        if backend is not None and backend not in program.backends:
            continue
        if quick and set(SLOW) & set(program.features):
            continue
        with tempfile.TemporaryDirectory(prefix="program-") as folder:
            found = examine(program, Path(folder), with_keras=backend is not None)
        total["programs"] += 1
        total["sites"] += found["sites"]
        total["undecided"].update(found["undecided"])
        if found["problems"]:
            total["problems"][seed] = found["problems"]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=("tensorflow", "jax"), help="default: scan only")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="without the programs that take seconds")
    options = parser.parse_args()
    if options.backend:
        os.environ["KERAS_BACKEND"] = options.backend
    warnings.simplefilter("ignore")
    seeds = range(options.start, options.start + options.count)
    json.dump(examine_all(seeds, options.backend, quick=options.quick), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
