"""Work for any :class:`concurrent.futures.Executor`: a pool of one's own, or a Dask cluster.

What an executor may do to a task without harm: lose it, cancel it, run it twice, or break for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import field
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fromlogits_audit import __version__
from fromlogits_audit.errors import UsageError
from fromlogits_audit.lean import dataclass
from fromlogits_audit.record import loads
from fromlogits_audit.work import Done, Task, failed, run_there, single
from fromlogits_audit.workers import DIED, run_on_cores

if TYPE_CHECKING:
    from fromlogits_audit.model_pipeline import Read, Wanted

T = TypeVar("T")
R = TypeVar("R")
IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of source that wait at the executor or are under way there."""
SCHEME = "dask://"
PATIENCE = 15
"""Seconds to reach a scheduler."""


@dataclass
class Left(Generic[T]):
    """What an executor did not do: ``lost`` died on the way, ``refused`` it never tried or can't tell."""

    lost: list[T] = field(default_factory=list)
    refused: list[T] = field(default_factory=list)


def spread(
    function: Callable[[T], R],
    items: Iterator[T],
    executor: Executor,
    left: Left[T],
    weight: Callable[[T], int],
) -> Iterator[tuple[T, R]]:
    """The items with what the function makes of them, as they get ready.

    Takes no more items once the executor refuses one. Raises UsageError where the workers can't do this
    kind of work at all.
    """
    running: dict[Future[R], T] = {}
    room = IN_FLIGHT
    while True:
        while room > 0 and not left.refused and (item := next(items, None)) is not None:
            try:
                running[executor.submit(function, item)] = item
                room -= weight(item)
            except (RuntimeError, CancelledError):  # It was shut down, or broke.
                left.refused.append(item)
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            item = running.pop(future)
            room += weight(item)
            try:
                yield item, future.result()
            except (BrokenExecutor, CancelledError):
                left.refused.append(item)
            except UsageError:
                raise
            except ImportError as error:
                raise UsageError(f"the workers of the executor lack what they need: {error}") from error
            except Exception:
                left.lost.append(item)


def run_elsewhere(tasks: Iterable[Task], executor: Executor, jobs: int) -> Iterator[Done]:
    """The tasks, as an executor does them. What it loses twice is reported, what it refuses is done here."""
    pending, left = iter(tasks), Left[Task]()
    yield from _records(pending, executor, left)
    again, gone = iter([one for task in left.lost for one in single(task)]), Left[Task]()
    if not left.refused:
        yield from _records(again, executor, gone)
    yield from run_on_cores(chain(left.refused, gone.refused, again, pending), max(jobs, 2))
    for task in gone.lost:
        yield task.components[0], failed(task.components[0], task.cwd, DIED)


def _records(tasks: Iterator[Task], executor: Executor, left: Left[Task]) -> Iterator[Done]:
    for task, records in spread(_Same(run_there), tasks, executor, left, lambda task: task.size):
        yield from zip(task.components, map(loads, records), strict=True)


@dataclass(frozen=True)
class _Same(Generic[T, R]):
    """A function of this package, to be called where the same version of it is installed."""

    function: Callable[[T], R]
    version: str = __version__

    def __call__(self, item: T) -> R:
        if self.version != __version__:
            raise UsageError(f"the executor's workers have version {__version__}, not {self.version}.")
        return self.function(item)


def read_elsewhere(models: Sequence[Wanted], executor: Executor) -> list[Read]:
    """Saved models, as an executor reads them, in their order. What it loses is reported, what it refuses
    is read here."""
    from fromlogits_audit.model_pipeline import read, unusable

    left: Left[Wanted] = Left()
    again: Left[Wanted] = Left()
    found = dict(spread(_Same(read), iter(models), executor, left, lambda _: IN_FLIGHT // 256))
    found |= spread(_Same(read), iter(left.lost), executor, again, lambda _: IN_FLIGHT // 256)
    found |= {one: unusable(one, DIED) for one in again.lost}
    return [found[one] if one in found else read(one) for one in models]


class Dask(Executor):
    """A Dask cluster, reached when it gets its first task: ``dask://HOST:PORT`` is its scheduler.

    Raises UsageError where that can't be.
    """

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix(SCHEME).rpartition(":")
        if not url.startswith(SCHEME) or not host or not port.isdecimal():
            raise UsageError(f"--executor should be {SCHEME}HOST:PORT, not {url!r}.")
        self._address = f"tcp://{host}:{port}"
        self._client: Any = None
        self._executor: Any = None

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        if self._executor is None:
            self._client = _client(self._address)
            # Not pure: the same task again is to be done again.
            self._executor = self._client.get_executor(pure=False)
        future: Future[R] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if self._client is not None:
            self._client.close(timeout=2)
            self._client = None


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--executor needs Dask: pip install 'fromlogits-audit[dask]'.") from error
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error
