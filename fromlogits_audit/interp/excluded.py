"""Branches that constants exclude: they run for their sites alone, so that none is dropped in silence.

What they do changes nothing: neither the program's state nor what counts as called. Their sites are kept
apart (:meth:`Recorder.aside`), because the program that the code describes does not reach them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.state import MAX_STEPS

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame

STEPS = 2_000
"""Statements that one excluded branch may take, those of what it calls included."""


def run_excluded(run: Run, frame: Frame, code: Sequence[cst.CSTNode], action: Callable[[], object]) -> None:
    """Run ``code`` that control does not reach, by ``action``: once, and only where it can hold a site."""
    if not code or run.state.cut or id(code[0]) in run.excluded or not frame.chunk.bears:
        return
    run.excluded[id(code[0])] = code[0]
    if any(frame.chunk.module.is_of_interest(frame.chunk.code_of(node)) for node in code):
        with for_its_sites(run):
            action()


@contextmanager
def for_its_sites(run: Run) -> Iterator[None]:
    """Run meanwhile what the program does not: its sites are listed where nothing else has them."""
    with _unnoticed(run), run.state.scratch(), run.recorder.aside():
        yield


@contextmanager
def _unnoticed(run: Run) -> Iterator[None]:
    """What runs meanwhile neither counts as called nor uses up the program's budget."""
    state, steps = run.state, run.state.steps
    marks = [(core, core.entered, core.left_out) for core in run.functions]
    made = [(cls, len(cls.instances)) for cls in run.classes]
    models, saved = len(run.built_models), dict(run.saved)
    try:
        with state.within(min(state.limit, steps + STEPS)):
            yield
    finally:
        state.steps = steps
        for core, entered, left_out in marks:
            core.entered, core.left_out = entered, left_out
        for core in run.functions[len(marks) :]:
            # Asked for only now; a definition of a module is there all the same.
            core.entered = core.entered and core.closure.parent is not None
        for cls, count in made:
            del cls.instances[count:]
        del run.built_models[models:]
        run.saved = saved


@contextmanager
def reached(run: Run) -> Iterator[None]:
    """A module that is imported meanwhile for the first time is part of the program all the same."""
    budget = run.state.within(MAX_STEPS) if run.recorder.is_aside else nullcontext()
    with budget, run.recorder.reached():
        yield
