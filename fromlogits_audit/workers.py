"""Tasks over the cores of this machine: processes that may die without taking the run with them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from multiprocessing.context import BaseContext

from fromlogits_audit import lean
from fromlogits_audit.record import loads
from fromlogits_audit.work import Done, Task, failed, run_here, run_there, single

DIED = "the process that analysed it died"
MEMORY = 4 * 1024**3
"""Bytes of address space that a process may take beyond what it has at its start."""
_LOST = (BrokenProcessPool, MemoryError, OSError)
"""What a task ends in that its process could not finish."""
RECYCLED = 32 * 1024 * 1024
"""Bytes of source per process after which a new one takes its place."""


def run_on_cores(tasks: Iterable[Task], jobs: int) -> Iterator[Done]:
    """``jobs`` tasks at a time, each in a process, as they get ready.

    Where a process dies, the tasks that were under way are done again, component by component and alone:
    the one that kills its process again is reported as such.
    """
    pending, context = iter(tasks), _context()
    if jobs < 2 or context is None:
        yield from run_here(pending)
        return
    for first in pending:
        rest, suspects = chain([first], pending), list[Task]()
        with _pool(jobs, context) as pool:
            if not _answers(pool):
                yield from run_here(rest)
                return
            yield from _round(pool, rest, jobs, suspects)
        for task in suspects:
            yield from _alone(task, context)


def _round(
    pool: ProcessPoolExecutor, pending: Iterator[Task], jobs: int, suspects: list[Task]
) -> Iterator[Done]:
    """The tasks that one set of processes does; ``suspects`` are those during which one died."""
    running: dict[Future[tuple[str, ...]], Task] = {}
    room = jobs * RECYCLED
    while True:
        while len(running) < jobs and room > 0 and not suspects:
            task = next(pending, None)
            if task is None:
                break
            room -= task.size
            try:
                running[pool.submit(run_there, task)] = task
            except BrokenProcessPool:
                suspects.append(task)
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            task = running.pop(future)
            try:
                yield from zip(task.components, map(loads, future.result()), strict=True)
            except _LOST:
                suspects.append(task)


def _alone(task: Task, context: BaseContext) -> Iterator[Done]:
    """The components of a task, one at a time in a process in which nothing else is at stake."""
    rest = list(single(task))
    while rest:
        with _pool(1, context) as pool:
            died = False
            while rest and not died:
                one = rest.pop(0)
                try:
                    (result,) = map(loads, pool.submit(run_there, one).result())
                except _LOST:
                    died, result = True, failed(one.components[0], one.cwd, DIED)
                yield one.components[0], result


# -- processes ---------------------------------------------------------------------------------------
def _context() -> BaseContext | None:
    """How processes are started; None where there is no safe way.

    A fork of a process with one thread is: it starts no new Python, so there is none that could import
    ``json.py`` from the folder that is audited, and the parser is loaded once. Elsewhere a new Python has
    to be told to leave the current folder out, which Python 3.10 can't be.
    """
    if sys.platform.startswith("linux") and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn") if sys.version_info >= (3, 11) else None


@contextlib.contextmanager
def _pool(jobs: int, context: BaseContext) -> Iterator[ProcessPoolExecutor]:
    _load()
    with _safe_path():
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(MEMORY,))
        try:
            yield pool
        except BaseException:
            # The processes first: shutdown lets go of them.
            for worker in list((getattr(pool, "_processes", None) or {}).values()):
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


def _load() -> None:
    """What every task needs, before processes are forked that would each load it for themselves."""
    import fromlogits_audit.interp.declared
    import fromlogits_audit.interp.engine  # noqa: F401


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """A Python that is started leaves the current folder, which may hold a ``json.py``, out of its path."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _answers(pool: ProcessPoolExecutor) -> bool:
    """Whether the processes start at all: not where the caller's script has no ``__main__`` guard."""
    try:
        return pool.submit(os.getpid).result() > 0
    except (BrokenProcessPool, OSError):
        return False


def _begin(memory: int) -> None:
    """In a new process: Ctrl-C is the parent's affair, memory is bounded, and nobody outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound(memory)
    lean.claim()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _bound(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - not a file to be found
            memory += int(stream.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (memory if hard == resource.RLIM_INFINITY else min(memory, hard), hard)
        )


def _leave_with_parent() -> None:
    """A process whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
