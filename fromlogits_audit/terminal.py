"""What is known of the terminal that a report goes to."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def wants_colour() -> bool:
    """https://no-color.org and https://force-color.org; else colour is for terminals."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    try:
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # A script under `run` has closed it, or put something else there.
        return False


def columns(otherwise: int = 120) -> int:
    """What ``shutil.get_terminal_size`` says; the import of ``shutil`` loads every compressor."""
    with suppress(KeyError, ValueError):
        if (stated := int(os.environ["COLUMNS"])) > 0:
            return stated
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or otherwise  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return otherwise
