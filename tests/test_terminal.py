"""The width of the terminal is what the standard library says it is."""

from __future__ import annotations

import os
import shutil
import struct
import sys

import pytest

from fromlogits_audit import terminal

pty = pytest.importorskip("pty", reason="no pseudo-terminals on Windows")


class Stream:
    def __init__(self, number: int) -> None:
        self.fileno = lambda: number


@pytest.mark.parametrize("stated", [None, "", "80", "0", "-3", "many", " 90"])
@pytest.mark.parametrize("stdout", ["terminal", "narrow", "pipe", "none"])
def test_columns(stated: str | None, stdout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if stated is not None:
        monkeypatch.setenv("COLUMNS", stated)
    ends = os.pipe() if stdout == "pipe" else pty.openpty()
    if stdout == "narrow":
        import fcntl
        import termios

        fcntl.ioctl(ends[1], termios.TIOCSWINSZ, struct.pack("HHHH", 24, 61, 0, 0))
    monkeypatch.setattr(sys, "__stdout__", None if stdout == "none" else Stream(ends[1]))
    expected = shutil.get_terminal_size((120, 24)).columns or 120  # 0 is what Python 3.10 makes of a terminal
    if stated is None:
        assert expected == (61 if stdout == "narrow" else 120)
    assert terminal.columns() == expected
    for end in ends:
        os.close(end)
