"""Files that are taken to hold other bytes than those on the disk: what a run of fixes is about to write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_PENDING: ContextVar[Mapping[str, bytes] | None] = ContextVar("pending", default=None)


def pending_bytes(path: Path) -> bytes | None:
    """What a file is taken to hold, None where the disk says it."""
    held = _PENDING.get()
    return held.get(_key(path)) if held else None


@contextmanager
def holding(files: Mapping[Path, bytes]) -> Iterator[None]:
    """Every file that is read inside holds these bytes. It reaches this process only."""
    token = _PENDING.set({_key(path): data for path, data in files.items()})
    try:
        yield
    finally:
        _PENDING.reset(token)


def _key(path: Path) -> str:
    # Not Path.resolve(): a link is a file of its own until it is written.
    return os.path.abspath(path)  # noqa: PTH100
