"""Speed beside other tools, and growth: ``make bench``, or ``python benchmarks/bench.py``.

In one run, side by side: this tool without a cache, with a warm one and after one changed file, and ruff,
flake8, pylint, semgrep, TorchFix and Fixit, on a small sample and on the installed ``keras`` package; then
this tool and ruff on 1, 2, 4 and 8 copies of a part of it. Prints tables and what this tool is held to, and
writes both, with a picture, into ``docs/``. Other tools go into venvs of their own; one that can't be
installed, does not run or takes over a minute is shown so. Exit status 1 where this tool itself fails,
whatever the figures are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bench_tools
from bench_measure import LIMIT, once, rounds, run, shown
from bench_report import (
    OURS,
    TOOL,
    WARM,
    Growth,
    Row,
    Table,
    growth_text,
    replaced,
    targets,
    targets_text,
    tools_text,
)

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = "performance.md", "bench.svg"


def measured(
    corpus: bench_tools.Corpus, environment: Mapping[str, str], absent: Mapping[str, str], count: int
) -> Table:
    """All tools on one set of files. What this tool says of them is in its cache before the first round."""
    cases = bench_tools.cases(corpus, environment, absent)
    run(next(case for case in cases if case.name == WARM))
    return Table(corpus.title, rounds(cases, count))


def growths(folder: Path, keras: Path, environment: Mapping[str, str], count: int) -> list[Growth]:
    """This tool and ruff over the copies; a round goes through all sizes, so that ratios are within it."""
    sizes = (0, *bench_tools.COPIES)
    folders = {size: bench_tools.copies(keras, size, folder / f"copies-{size}") for size in sizes}
    cases = {size: bench_tools.grown(folders[size], environment) for size in sizes}
    rows = {(name, size): Row(name) for size in sizes for name in cases[size]}
    for number in range(count):
        for (name, size), row in list(rows.items())[:: -1 if number % 2 else 1]:
            once(cases[size][name], row, number)
            print(f"growth, round {number + 1}: {name}, {size} copies: {shown(row, number)}", file=sys.stderr)
    return [
        Growth(name, rows[name, 0], {size: rows[name, size] for size in bench_tools.COPIES})
        for name in cases[0]
    ]


def described(small: Table, large: Table, count: int) -> str:
    """What was measured, where and how, as it stands above the tables."""
    versions = ", ".join(pin.replace("==", " ") for pin in bench_tools.pins())
    python = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    return (
        f"(a) is {small.title}; (b) is the installed {large.title}. Medians of {2 * count} rounds on (a) and "
        f"{count} on (b). {python}, {versions}.\nCPU seconds are user and system time of the process and its "
        f"children, MB the peak of the largest of these processes. Other tools have {LIMIT} s by the clock."
    )


def page(small: Table, large: Table, found: Sequence[Growth], count: int) -> str:
    """Everything that the docs say of a run."""
    held = targets(small, large, found)
    parts = [described(small, large, count), tools_text(small, large)]
    parts += ["Over copies of a part of the package:", growth_text(found)]
    parts += ["What this tool is held to, as medians of the ratios within a round:", targets_text(held)]
    return "\n\n".join([*parts, f"![The same figures as pictures]({PICTURE})"])


def drawn(tables: Sequence[Table], found: Sequence[Growth]) -> dict[str, Any]:
    """The medians for the plot."""
    return {
        "tools": {
            table.title: {
                f"{TOOL}: {name}" if name in OURS else name: row.seconds
                for name, row in table.rows.items()
                if row.seconds is not None
            }
            for table in tables
        },
        "growth": {
            growth.name: {count: [row.seconds, row.memory] for count, row in growth.copies.items()}
            for growth in found
            if all(row.measures for row in growth.copies.values())
        },
    }


def failures(tables: Sequence[Table], found: Sequence[Growth]) -> list[str]:
    """The runs of this tool that did not end as they should."""
    rows = [table.rows[name] for table in tables for name in OURS]
    rows += [
        row for growth in found if growth.name == TOOL for row in (growth.startup, *growth.copies.values())
    ]
    return [f"{row.name}: {row.note}" for row in rows if row.note is not None]


def write(text: str, plotted: dict[str, Any], docs: Path, files: Path) -> None:
    """Put the tables between the markers of the page, and draw the picture beside it."""
    path = docs / PAGE
    path.write_text(replaced(path.read_text(encoding="utf-8"), text), encoding="utf-8")
    plot = [str(files / "bin" / "python"), str(bench_tools.HERE / "bench_plot.py"), str(docs / PICTURE)]
    done = subprocess.run(plot, input=json.dumps(plotted), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"no picture: {(done.stderr.strip().splitlines() or ['it failed'])[-1]}", file=sys.stderr)


def asked(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--sample", type=Path, default=ROOT / "fixtures", help="the small sample; default: fixtures"
    )
    parser.add_argument("--sample-name", help="what the tables call it; default: the folder's name")
    parser.add_argument("--rounds", type=int, default=3, help="on the package; twice as many on the sample")
    parser.add_argument("--venvs", type=Path, default=ROOT / ".venv" / "bench", help="where other tools go")
    parser.add_argument(
        "--docs", type=Path, default=ROOT / "docs", help="where the tables and the picture go"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = asked(argv)
    # What is measured has a group of its own: it is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # Not resolved: a venv is what its path says.
    tools, files = options.venvs.absolute() / "tools", options.venvs.absolute() / "files"
    absent = bench_tools.installed(tools, bench_tools.pins())
    missing = bench_tools.installed(files, bench_tools.pins("requirements-files.txt"))
    keras = bench_tools.package(files)
    if keras is None:
        raise SystemExit(f"keras, which all tools read, is {missing.get('keras', 'absent')}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        environment = bench_tools.surroundings(tools, folder / "home")
        called = options.sample_name or options.sample.resolve().name
        small = bench_tools.small(options.sample, called, folder / "small")
        large = bench_tools.large(keras, folder / "large")
        tables = (
            measured(small, environment, absent, 2 * options.rounds),
            measured(large, environment, absent, options.rounds),
        )
        found = growths(folder, keras, environment, options.rounds)
    text = page(*tables, found, options.rounds)
    print(text)
    write(text, drawn(tables, found), options.docs, files)
    failed = failures(tables, found)
    print(*failed, sep="\n", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
