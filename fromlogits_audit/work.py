"""The unit of work: some components and their files' bytes in, one result for each out.

All of it is plain data. :func:`run_task` never raises for what it is given: a component that can't be
analysed is a result that says so.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.errors import bug
from fromlogits_audit.ir import Location, Problem, Scale
from fromlogits_audit.lean import dataclass
from fromlogits_audit.paths import shown_path
from fromlogits_audit.record import Result, SourceNote, dumps
from fromlogits_audit.source.components import Component
from fromlogits_audit.source.pending import holding
from fromlogits_audit.source.project import Project

if TYPE_CHECKING:
    from fromlogits_audit.config import LossLike
    from fromlogits_audit.interp.analysis import Analysis

GARBAGE = 400_000
"""Objects after which what finished components left behind is collected."""
_ONE_AT_A_TIME = threading.Lock()
"""Threads of one process take turns: the depth of recursion is the whole process's."""


@dataclass(frozen=True)
class Names:
    """What the configuration declares (:class:`~fromlogits_audit.interp.declared.Declared`)."""

    outputs: Mapping[str, Scale] = field(default_factory=dict)
    losses: Mapping[str, LossLike] = field(default_factory=dict)
    root: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.outputs or self.losses)


@dataclass(frozen=True)
class Task:
    """Components of one project. ``contents`` are their files' bytes; others are read where they are."""

    root: Path
    cwd: Path
    components: tuple[Component, ...]
    contents: Mapping[Path, bytes] = field(default_factory=dict)
    names: Names = Names()

    @property
    def size(self) -> int:
        """Bytes of source."""
        return sum(map(len, self.contents.values()))


Done = tuple[Component, Result]


def single(task: Task) -> Iterator[Task]:
    """The same work with one component each."""
    for one in task.components:
        files = {*one.files, *one.beside}
        mine = {path: data for path, data in task.contents.items() if path in files}
        yield Task(task.root, task.cwd, (one,), mine, task.names)


def run_task(task: Task) -> tuple[Result, ...]:
    """Analyse a task's components, one after the other: a result for each."""
    disk: dict[str, frozenset[str]] = {}
    with _ONE_AT_A_TIME, holding(task.contents), _tidy():
        return tuple(_result(task, component, disk) for component in task.components)


def run_there(task: Task) -> tuple[str, ...]:
    """The same in another process: the results as records, which hold what this version knows and no more."""
    return tuple(map(dumps, run_task(task)))


def run_here(tasks: Iterable[Task]) -> Iterator[Done]:
    """One task after the other in this process."""
    for task in tasks:
        yield from zip(task.components, run_task(task), strict=True)


def _result(task: Task, component: Component, disk: dict[str, frozenset[str]]) -> Result:
    try:
        return _analysed(task, component, disk)
    except MemoryError:
        return failed(component, task.cwd, "it takes more memory than there is for it")
    except Exception as error:
        return failed(component, task.cwd, bug(error))
    finally:
        if gc.get_count()[0] > GARBAGE:
            gc.collect()


@contextmanager
def _tidy() -> Iterator[None]:
    """No collection in the middle of a component: nearly all that is there is still needed."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _analysed(task: Task, component: Component, disk: dict[str, frozenset[str]]) -> Result:
    from fromlogits_audit.interp.declared import Declared
    from fromlogits_audit.interp.engine import analyse

    project = Project(task.root, component.files, disk)
    for path in component.beside:
        if path in task.contents:  # It need not be on this machine.
            project.add(path)
    names = task.names
    declared = Declared(names.outputs, names.losses, names.root) if names else None
    analysis = analyse(project, cwd=task.cwd, declared=declared, beside=component.beside)
    result = result_of(analysis)
    analysis.release()
    return result


def result_of(analysis: Analysis) -> Result:
    """An analysis as a result: with the files' names in place of their texts, and traces that are located."""
    from fromlogits_audit.interp.drafts import settled
    from fromlogits_audit.suppress import may_silence

    return Result(
        tuple(map(settled, analysis.sites)),
        tuple(analysis.problems),
        tuple(SourceNote(shown, str(s.path), may_silence(s)) for shown, s in analysis.sources.items()),
        tuple(sorted(analysis.met)),
        analysis.loaded,
        analysis.lookups,
    )


def failed(component: Component, cwd: Path, reason: str) -> Result:
    """Every file of a component as one that could not be analysed."""
    places = (Location(shown_path(path, cwd), None, 1, 1, 1, 1) for path in component.files)
    return Result(problems=tuple(Problem(place, reason) for place in places), stable=False)
