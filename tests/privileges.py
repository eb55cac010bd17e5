"""A child process to which the rights of files apply, whoever runs the tests.

Root may read and write whatever it likes by two capabilities. A child that gives them up before it becomes
another program is to the file system what any owner of a file is, and can still use all that root installed.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys

_PR_CAPBSET_DROP = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def as_anyone() -> None:
    """Give up what lets root pass by the rights of files; for ``preexec_fn``. Raises OSError."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


@functools.cache
def can_be_anyone() -> bool:
    """Whether that works here: anybody but root, and root on Linux unless it is a very small root."""
    if not hasattr(os, "geteuid"):
        return False
    if os.geteuid() != 0:
        return True
    if not sys.platform.startswith("linux"):
        return False
    try:
        return subprocess.run([sys.executable, "-c", ""], check=False, preexec_fn=as_anyone).returncode == 0
    except subprocess.SubprocessError:
        return False
