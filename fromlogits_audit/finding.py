"""What a rule says: a :class:`Finding`, and the :class:`Fix` that would mend it."""

from __future__ import annotations

from enum import Enum

from fromlogits_audit.ir import Location, Step
from fromlogits_audit.lean import dataclass


class Severity(str, Enum):
    """How bad a finding is. ``OFF`` rules report only where asked to (``--strict``)."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"

    @property
    def rank(self) -> int:
        return {Severity.OFF: 0, Severity.WARNING: 1, Severity.ERROR: 2}[self]


class Applicability(str, Enum):
    """``SAFE``: the model's outputs stay as they are. ``UNSAFE``: what it returns changes."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Edit:
    """Replace the text of one span. An empty span inserts."""

    location: Location
    text: str


@dataclass(frozen=True)
class Fix:
    """A titled set of edits that belong together.

    ``rests_on`` is what gives the output its scale that the fix goes by. Another fix that changes that may
    leave nothing to mend here.
    """

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()
    rests_on: Location | None = None


@dataclass(frozen=True)
class Finding:
    """Exactly one primary location; everything else is trace."""

    code: str
    name: str
    severity: Severity
    message: str
    location: Location
    help: str = ""
    trace: tuple[Step, ...] = ()
    fixes: tuple[Fix, ...] = ()

    def sort_key(self) -> tuple[tuple[str, int, int, int], str, str]:
        return (self.location.sort_key(), self.code, self.message)
