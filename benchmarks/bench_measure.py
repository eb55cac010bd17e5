"""Measures commands side by side: what each took of CPU and memory, in rounds that go to and fro.

A round runs every command once, and the next round runs them the other way round, so that what lasts longer
on a shared machine meets all of them; ratios are taken within a round. POSIX only (``os.wait4``).
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench_report import Measure, Row

LIMIT = 60
"""Seconds by the clock for another tool."""
HOUR = 3600
UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of ru_maxrss."""


@dataclass(frozen=True)
class Case:
    """A command and where it runs.

    ``accepted`` are the exit statuses that mean it did its work, ``changed`` is a file that gets a new line
    before each run. ``limit`` is in seconds by the clock. ``absent``: why the command is not there.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    accepted: frozenset[int] = frozenset({0})
    changed: Path | None = None
    limit: float = LIMIT
    absent: str | None = None


def rounds(cases: Sequence[Case], count: int) -> dict[str, Row]:
    """Every case ``count`` times; one that failed or went over its limit is not repeated."""
    rows = {case.name: Row(case.name, note=case.absent) for case in cases}
    for number in range(count):
        for case in cases[:: -1 if number % 2 else 1]:
            row = rows[case.name]
            if row.note is None:
                once(case, row, number)
                print(
                    f"{case.folder.name}, round {number + 1}: {case.name}: {shown(row, number)}",
                    file=sys.stderr,
                )
    return rows


def once(case: Case, row: Row, number: int) -> None:
    """Run a case, and write what it took, or why that is not known, into its row."""
    if case.changed is not None:
        with case.changed.open("a", encoding="utf-8") as file:
            file.write(f"\n_changed_in_round = {number}\n")
    outcome = run(case)
    if isinstance(outcome, Measure):
        row.measures[number] = outcome
    else:
        row.note = outcome


def shown(row: Row, number: int) -> str:
    measure = row.measures.get(number)
    return f"{measure.seconds:.3f} s, {measure.memory:.0f} MB" if measure is not None else str(row.note)


def run(case: Case) -> Measure | str:
    """What a command took, or a few words that say why it has no figures."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = started(case, errors)
        except OSError as error:
            return f"absent: {error.strerror}"
        used, late = waited(process, case.limit)
        measure = Measure(used.ru_utime + used.ru_stime, used.ru_maxrss * UNIT / 1e6)
        if late:
            return f"over {case.limit:g}"
        if process.returncode not in case.accepted:
            return f"absent: exit status {process.returncode}{last_words(errors)}"
    return measure


def started(case: Case, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """The command as the leader of a group of its own, so that all of it can be ended."""
    return subprocess.Popen(
        case.command,
        cwd=case.folder,
        env=case.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        # Not start_new_session: with vfork, the peak memory of a process begins with that of this one.
        preexec_fn=os.setsid,
    )


def waited(process: subprocess.Popen[bytes], clock: float) -> tuple[resource.struct_rusage, bool]:
    """What the process and the children it waited for have used, and whether it had to be ended."""
    late = threading.Event()

    def end() -> None:
        late.set()
        kill(process.pid)

    timer = threading.Timer(clock, end)
    timer.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        kill(process.pid)
        raise
    finally:
        timer.cancel()
        timer.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    kill(process.pid)
    return used, late.is_set()


def kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def last_words(errors: IO[bytes]) -> str:
    """The last line that a command wrote to standard error."""
    errors.seek(0)
    lines = errors.read()[-4000:].decode("utf-8", "replace").split("\n")
    last = next((text.strip() for text in reversed(lines) if text.strip()), "")
    return f" ({short(last)})" if last else ""


def short(text: str) -> str:
    """A message cut to what a cell of a table can hold."""
    return text[:60].replace("|", "/")
