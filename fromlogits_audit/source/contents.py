"""The bytes of files as a scan takes them: each read once, as long as there is room for it."""

# os.open, not Path.open: a pipe must not block, and a scan opens every file of a project.

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, KeysView
from pathlib import Path

from fromlogits_audit.blake import blake2b
from fromlogits_audit.source.pending import pending_bytes

MAX_BYTES = {".py": 2 * 1024 * 1024, ".ipynb": 64 * 1024 * 1024}
"""Larger files are refused where they are read (:mod:`fromlogits_audit.source.python`)."""
HELD = 48 * 1024 * 1024
"""Bytes of files that are kept; what goes beyond is read again."""


def content(path: Path) -> bytes | None:
    """A file's bytes, or what is about to be written there; None where it can't be used."""
    held = pending_bytes(path)
    if held is not None:
        return held
    try:
        # A pipe or a device would block, or never end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES.get(path.suffix, MAX_BYTES[".py"]):
            return None
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    except OSError:
        return None
    finally:
        os.close(descriptor)


def digest(data: bytes) -> str:
    """What tells these bytes from any others."""
    return blake2b(data, digest_size=20).hexdigest()


class Contents:
    """The files of one scan, read when they are first asked for."""

    def __init__(self) -> None:
        self._held: dict[Path, bytes] = {}
        self._digests: dict[Path, str | None] = {}
        self._sizes: dict[Path, int] = {}
        self._room = HELD

    @property
    def seen(self) -> KeysView[Path]:
        """The files whose digests were asked for."""
        return self._digests.keys()

    def digest_of(self, path: Path) -> str | None:
        """The digest of a file's bytes; None where it can't be read, or did not stay the same."""
        if path not in self._digests:
            data = self.bytes_of(path)
            self._digests[path] = digest(data) if data is not None else None
        return self._digests[path]

    def bytes_of(self, path: Path) -> bytes | None:
        """A file's bytes; None where it can't be read or is too large."""
        if path in self._held:
            return self._held[path]
        data = content(path)
        self._sizes[path] = len(data or b"")
        known = self._digests.get(path)
        if known is not None and (data is None or digest(data) != known):
            self._digests[path] = None
        if data is not None and len(data) <= self._room:
            self._room -= len(data)
            self._held[path] = data
        return data

    def size_of(self, path: Path) -> int:
        """A file's bytes, 0 where it can't be read."""
        if path not in self._sizes:
            self.bytes_of(path)
        return self._sizes[path]

    def release(self, paths: Iterable[Path]) -> None:
        """Nobody asks for these files again."""
        for path in paths:
            self._room += len(self._held.pop(path, b""))
