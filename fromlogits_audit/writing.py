"""Writing a file all or nothing: a run that is killed leaves the old one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path


def write_whole(target: Path, data: bytes) -> None:
    """Replace the content of a file, keeping its rights and owner; a link is followed.

    Another hard link to it keeps the old content. Raises OSError, also for a file that is read-only; then the
    file is as it was and nothing is left beside it.
    """
    target = target.resolve()
    before = target.stat() if target.exists() else None
    if before is not None and not os.access(target, os.W_OK):
        # Putting another file in its place needs no right to write it.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.chmod(stat.S_IMODE(before.st_mode) if before is not None else 0o666 & ~_umask())
        if before is not None:
            _give_to(temporary, before)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_report(target: Path, data: bytes) -> None:
    """The same for a report, which may also go to a device or a pipe (``/dev/stdout``). Raises OSError."""
    if target.exists() and not target.is_file():
        target.write_bytes(data)
    else:
        write_whole(target, data)


def _give_to(file: Path, owner: os.stat_result) -> None:
    """Where root mends what belongs to a user, it stays the user's."""
    made = file.stat()
    if hasattr(os, "chown") and (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
        with contextlib.suppress(OSError):
            os.chown(file, owner.st_uid, owner.st_gid)


def _umask() -> int:
    """What a new file is not allowed; reading it means setting it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
