"""A script run as ``python SCRIPT ARG...`` would run it: as ``__main__``, with its arguments and its folder.

Nothing is put back afterwards: the process belongs to the script, whose exit handlers still need it.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from fromlogits_audit.lean import dataclass
from fromlogits_audit.live.spots import kind_of


@dataclass(frozen=True)
class Ended:
    """How a script ended: the exit status that Python would give it, and whether Ctrl-C ended it."""

    status: int = 0
    interrupted: bool = False


def run(path: Path, arguments: Sequence[str]) -> Ended:
    """Run a script to its end, threads included. What it raises is printed as Python prints it.

    Raises OSError where ``path`` can't be read, before anything runs.
    """
    with io.open_code(str(path.absolute())) as file:
        source = file.read()
    module = _main(path, arguments)
    ended = _executed(source, str(path.absolute()), module)
    _wait_for_threads()
    return ended


def _main(path: Path, arguments: Sequence[str]) -> ModuleType:
    """The script's module, its arguments, and its folder as the first place to import from."""
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=str(path.absolute()), __builtins__=__builtins__, __cached__=None, __annotations__={}
    )
    sys.modules["__main__"] = module
    sys.argv[:] = [str(path), *arguments]
    folder = str(Path(os.path.realpath(path)).parent)
    if getattr(sys.flags, "safe_path", False) or not sys.path:
        sys.path.insert(0, folder)
    else:
        sys.path[0] = folder  # in place of the folder of this command
    return module


def _executed(source: bytes, name: str, module: ModuleType) -> Ended:
    try:
        code: CodeType = compile(source, name, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # the user's own program, which is what this command is for
    except SystemExit as error:
        return Ended(_status(error))
    except KeyboardInterrupt as error:
        _print(error)
        return Ended(130, interrupted=True)
    except BaseException as error:
        _print(error)
        return Ended(1)
    return Ended()


def _status(error: SystemExit) -> int:
    """The status of ``sys.exit``, whose argument may be a message."""
    if error.code is None or isinstance(error.code, int):
        return int(error.code or 0)
    print(error.code, file=sys.stderr)
    return 1


def _print(error: BaseException) -> None:
    """Print an exception as Python does, without the frames of this package."""
    _clean(error, set())
    sys.excepthook(type(error), error, error.__traceback__)


def _clean(error: BaseException | None, seen: set[int]) -> None:
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _without_ours(error.__traceback__)
        _clean(error.__cause__, seen)
        error = error.__context__


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        if kind_of(trace.tb_frame.f_code.co_filename) != "ours":
            kept.append(trace)
        trace = trace.tb_next
    for at, one in enumerate(kept):
        one.tb_next = kept[at + 1] if at + 1 < len(kept) else None
    return kept[0] if kept else None


def _wait_for_threads() -> None:
    """Python lets a script's threads end before it leaves."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
