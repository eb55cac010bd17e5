"""Patterns as in a .gitignore, which the configuration speaks in too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fromlogits_audit.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def git_patterns(lines: Iterable[str]) -> GitIgnoreSpec:
    """What a list of patterns matches. Raises UsageError for one that is none.

    Imported where there are patterns: a hook is given files by name and needs none.
    """
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:  # re.error: a range that runs backwards, ``[z-a]``
        raise UsageError(f"{error}.") from error
