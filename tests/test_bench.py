"""What ``make bench`` makes of its figures, and that a command's time, end and absence are seen."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def load(name: str) -> ModuleType:
    # The modules import each other by name, as a script's neighbours do.
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


report = load("bench_report")
measure = load("bench_measure")
tools = load("bench_tools")


def row(name: str, *seconds: float | None, memory: float = 50.0, note: str | None = None) -> Any:
    """A row with a measure for each round; None: that round has none."""
    measures = {n: report.Measure(s, memory) for n, s in enumerate(seconds) if s is not None}
    return report.Row(name, measures, note)


def growth(startup: float, *seconds: float) -> Any:
    """One round over 1, 2, 4 ... copies; 20 MB at the start and 10 more for each copy."""
    copies = {2**n: row("tool", taken, memory=20.0 + 10.0 * 2**n) for n, taken in enumerate(seconds)}
    return report.Growth("tool", row("tool", startup, memory=20.0), copies)


def test_medians_are_over_the_rounds_that_were_run() -> None:
    assert row("a", 3.0, 1.0, 9.0).seconds == 3.0
    assert row("a", 1.0, None, 2.0).seconds == 1.5
    assert row("a", note="over 60").seconds is None
    assert row("a", 1.0, memory=7.0).memory == 7.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Paired: 2, 2 and 0.5 within the rounds, where the ratio of the medians would be 1.
        (row("a", 2.0, 4.0, 4.0), row("b", 1.0, 2.0, 8.0), 2.0),
        # Only rounds that both have.
        (row("a", 2.0, 9.0), row("b", 4.0, None), 0.5),
        (row("a", 2.0), row("b", note="over 60"), None),
        (row("a", 2.0), None, None),
    ],
)
def test_ratios_are_paired_within_a_round(one: Any, other: Any, expected: float | None) -> None:
    assert report.ratio(one, other) == expected


@pytest.mark.parametrize(
    ("startup", "seconds", "expected"),
    [
        # Linear once the start-up is taken off, though eight copies take only 4.5 times as long as one.
        (1.0, (2.0, 3.0, 5.0, 9.0), 0.0),
        # Without a start-up: eight copies take twelve times as long.
        (0.0, (1.0, 2.2, 5.0, 12.0), 0.5),
        (0.5, (1.5, 2.3, 3.7, 6.5), -0.25),
    ],
)
def test_growth_is_compared_without_the_startup(
    startup: float, seconds: tuple[float, ...], expected: float
) -> None:
    found = report.deviation(growth(startup, *seconds), lambda one: one.seconds)
    assert found == pytest.approx(expected)


def test_growth_of_memory_is_linear_here() -> None:
    assert report.deviation(growth(0.0, 1.0, 2.0), lambda one: one.memory) == pytest.approx(0.0)


def test_the_fit_gives_the_line_and_the_point_farthest_from_it() -> None:
    assert report.line({1: 3.0, 2: 5.0, 4: 9.0}) == pytest.approx((1.0, 2.0))
    assert report.residual({1: 3.0, 2: 5.0, 4: 9.0}) == pytest.approx(0.0, abs=1e-9)
    # Least squares through these is y = x; the middle one is 1 where the line says 1.
    assert report.residual({0: 1.0, 1: 1.0, 2: 4.0}) == pytest.approx(1.0)


def table(title: str, **rows: tuple[float, ...]) -> Any:
    return report.Table(title, {name: row(name, *seconds) for name, seconds in rows.items()})


def both() -> tuple[Any, Any]:
    """Two tables of one round in which the tool is faster than semgrep and slower than flake8."""
    rows = {
        report.COLD: (2.0,),
        report.WARM: (0.5,),
        report.LEAF: (0.6,),
        report.CENTRAL: (1.0,),
        "ruff check": (0.6,),
        "semgrep": (4.0,),
        "flake8": (1.0,),
    }
    large = table("large", **rows)
    large.rows["ruff check --select ALL"] = row("ruff check --select ALL", note="over 60")
    return table("small", **rows), large


def test_targets_say_what_is_met_and_what_is_short() -> None:
    found = report.targets(*both(), [growth(1.0, 2.0, 3.0, 5.0, 9.0)])
    assert {target.text: target.verdict for target in found} == {
        "no cache / semgrep, (a)": "met",
        "no cache / flake8, (a)": "short",
        "no cache / semgrep, (b)": "met",
        "no cache / ruff check --select ALL, (b)": "not measured",
        "all in the cache / ruff check, (b)": "met",
        "one changed leaf / no cache, (a)": "met",
        "one changed central file / no cache, (a)": "short",
        "one changed leaf / no cache, (b)": "met",
        "one changed central file / no cache, (b)": "short",
        "peak memory in MB, (b)": "met",
        "tool: 8 copies from 8 times one, time": "met",
        "tool: 8 copies from 8 times one, memory (more only)": "met",
    }


def test_less_growth_than_linear_counts_for_time_and_not_for_memory() -> None:
    small, large = both()
    found = report.targets(small, large, [growth(0.0, 1.0, 1.5, 2.0, 4.0)])
    assert [target.value for target in found[-2:]] == [0.5, 0.0]


def test_tables_show_figures_limits_and_gaps() -> None:
    small, large = both()
    lines = report.tools_text(small, large).splitlines()
    assert lines[:3] == [
        "| | (a) CPU s | (a) MB | (b) CPU s | (b) MB |",
        "| --- | --- | --- | --- | --- |",
        "| fromlogits-audit: no cache | 2.00 | 50 | 2.00 | 50 |",
    ]
    assert lines[-1] == "| ruff check --select ALL | - | - | over 60 | - |"
    text = report.growth_text([growth(1.0, 2.0, 3.0, 5.0, 9.0)])
    assert "| start-up | 1.00 | 20 |\n| 1 | 2.00 | 30 |" in text
    assert "1.00 s a copy and 1.00 s at the start" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0123, "0.012"), (0.5, "0.50"), (3.14159, "3.14"), (12.34, "12.3"), (123.4, "123")],
)
def test_figures_are_short(value: float | None, text: str) -> None:
    assert report.figure(value) == text


def test_the_page_is_changed_between_its_markers_only() -> None:
    page = f"before\n{report.START}\nold\n{report.END}\nafter\n"
    once = report.replaced(page, "new\n")
    assert once == f"before\n{report.START}\nnew\n{report.END}\nafter\n"
    assert report.replaced(once, "new") == once
    with pytest.raises(ValueError, match="no <!-- bench"):
        report.replaced("no markers", "new")


def test_the_docs_have_the_markers() -> None:
    page = (BENCHMARKS.parent / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "new" in report.replaced(page, "new")


# -- measuring -------------------------------------------------------------------------------------
posix = pytest.mark.skipif(sys.platform == "win32", reason="os.wait4")
BUSY = "import time\nwhile time.process_time() < 0.3: pass"
BUSY_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def case(folder: Path, code: str, **options: Any) -> Any:
    return measure.Case("case", (sys.executable, "-I", "-c", code), folder, {}, **options)


@posix
@pytest.mark.parametrize("code", [BUSY, BUSY_CHILD], ids=["itself", "its child"])
def test_cpu_time_is_that_of_the_process_and_its_children(tmp_path: Path, code: str) -> None:
    found = measure.run(case(tmp_path, code))
    assert 0.3 <= found.seconds < 3.0


@posix
def test_peak_memory_is_seen(tmp_path: Path) -> None:
    # By a small process, as `make bench` is one: a child begins as a copy of whoever starts it.
    call = "bench_measure.Case('case', (sys.executable, '-I', '-c', sys.argv[2]), pathlib.Path(), {})"
    setup = "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import bench_measure"
    code = f"{setup}; print(bench_measure.run({call}).memory)"
    command = [sys.executable, "-I", "-c", code, str(BENCHMARKS), "x = b'x' * 200_000_000"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 200 <= float(done.stdout) < 300


@posix
@pytest.mark.parametrize(
    ("code", "options", "said"),
    [
        ("import time; time.sleep(60)", {"limit": 0.3}, "over 0.3"),
        (f"{BUSY_CHILD.replace('0.3', '60')}", {"limit": 0.3}, "over 0.3"),
        ("raise SystemExit('no | such\\nthing')", {}, "absent: exit status 1 (thing)"),
        ("import os; os.kill(os.getpid(), 9)", {}, "absent: exit status -9"),
    ],
)
def test_what_has_no_figures_says_why(tmp_path: Path, code: str, options: Any, said: str) -> None:
    assert measure.run(case(tmp_path, code, **options)) == said


@posix
def test_rounds_go_to_and_fro_and_leave_out_what_failed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    say = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + ' '); sys.exit(sys.argv[2] == 'b')"
    cases = [
        measure.Case(name, (sys.executable, "-I", "-c", say, str(log), name), tmp_path, {}) for name in "abc"
    ]
    rows = measure.rounds([*cases, case(tmp_path, "", absent="absent: pip said no")], 2)
    assert log.read_text() == "a b c c a "
    assert sorted(rows["a"].measures) == [0, 1]
    assert (rows["b"].note, rows["case"].note) == ("absent: exit status 1", "absent: pip said no")


@posix
def test_a_changed_file_is_another_one_in_each_round(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("x = 1\n")
    measure.rounds([case(tmp_path, "", changed=path)], 2)
    assert path.read_text() == "x = 1\n\n_changed_in_round = 0\n\n_changed_in_round = 1\n"


def test_a_missing_program_is_absent(tmp_path: Path) -> None:
    found = measure.run(measure.Case("none", (str(tmp_path / "none"),), tmp_path, {}))
    assert found == "absent: No such file or directory"


# -- the files -------------------------------------------------------------------------------------
def test_the_sample_is_copied_without_its_hidden_files(tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    (sample / ".git").mkdir(parents=True)
    for name, lines in (("small.py", 1), ("middle.py", 2), ("large.py", 3)):
        (sample / name).write_text("model.compile()\n" * lines)
    (sample / "huge.py").write_text("x = 1\n" * 100)
    corpus = tools.small(sample, "mine", tmp_path / "copy")
    assert (corpus.leaf.name, corpus.central.name) == ("middle.py", "large.py")
    assert corpus.title == "mine, 4 files, 106 lines"
    assert not (corpus.folder / ".git").exists() and (corpus.folder / "pyproject.toml").exists()


def test_copies_hold_the_same_files_so_many_times(tmp_path: Path) -> None:
    for part in tools.PART_OF_KERAS:
        (tmp_path / "keras" / "src" / part).mkdir(parents=True)
        (tmp_path / "keras" / "src" / part / "one.py").write_text("x = 1\n")
    found = [tools.copies(tmp_path / "keras", n, tmp_path / f"copies{n}") for n in (0, 1, 4)]
    parts = len(tools.PART_OF_KERAS)
    assert [len(list(folder.rglob("*.py"))) for folder in found] == [1, parts, 4 * parts]


def test_every_tool_that_is_run_is_pinned() -> None:
    names = {pin.partition("==")[0] for pin in tools.pins()}
    assert {command[0] for command, _ in tools.OTHERS.values()} == names
