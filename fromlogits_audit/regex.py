"""Regular expressions that are compiled where they are used first.

Compiling one takes as long as interpreting some lines of a program, and most runs have no use for most of
them: a file without ``noqa``, without magics, without print statements.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Later:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._what = pattern, flags

    def __getattr__(self, name: str) -> Any:
        method = getattr(re.compile(*self._what), name)
        setattr(self, name, method)  # From then on it is found without this method.
        return method


def later(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """``re.compile``, for a pattern of which the methods are called: ``re.sub`` takes it for no pattern."""
    return cast("re.Pattern[AnyStr]", _Later(pattern, flags))
