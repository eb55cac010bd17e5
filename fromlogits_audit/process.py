"""Whose process this is: a command's, or that of a program which imports this package."""

from __future__ import annotations

own = False
"""Whether nothing but this tool runs here."""
