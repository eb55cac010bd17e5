"""Work for a library that is not ours, in a process that may crash or never end.

HDF5's library follows what a file says in C: a damaged one can hold it in a loop for ever, where nothing in
this process could stop it.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable

from fromlogits_audit.errors import UnreadableFile

SECONDS = 2
"""CPU seconds that the work may take. A model of hundreds of megabytes takes hundredths of one."""
_DONE, _REFUSED, _FAILED = b"+", b"-", b"!"


def apart(work: Callable[[], bytes], name: str) -> bytes:
    """What ``work`` returns. ``name`` is whose code it is. Where a fork is not safe, this process does it.

    Raises the UnreadableFile that ``work`` raises, one where it takes its process with it, and RuntimeError
    where it raises anything else.
    """
    if sys.platform in ("win32", "darwin") or threading.active_count() > 1:
        return work()
    import resource  # noqa: F401 - here, so that the child imports nothing

    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Threads of a library (OpenBLAS, TensorFlow) do not matter: the child uses none of it.
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        _work(work, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise UnreadableFile(_ending(status, name))
    kind, content = answer[:1], answer[1:]
    if kind == _DONE:
        return content
    text = content.decode("utf-8", "replace")
    raise UnreadableFile(text) if kind == _REFUSED else RuntimeError(text)


def _work(work: Callable[[], bytes], writer: int) -> None:
    """In the child; it does not return."""
    import resource

    status = 1
    try:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        allowed = SECONDS if hard == resource.RLIM_INFINITY else min(SECONDS, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            answer = _DONE + work()
        except UnreadableFile as error:
            answer = _REFUSED + error.reason.encode("utf-8", "replace")
        except Exception as error:
            answer = _FAILED + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        rest = memoryview(answer)
        while rest:
            rest = rest[os.write(writer, rest) :]
        status = 0
    finally:
        os._exit(status)  # What the parent would do at its end is the parent's.


def _ending(status: int, name: str) -> str:
    import signal

    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return f"keeps {name} busy for more than {SECONDS} seconds: it is damaged, or meant to"
    return f"makes {name} crash: it is damaged, or meant to"
