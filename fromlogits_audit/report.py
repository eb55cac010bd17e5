"""What a run found: plain data that every reporter renders and that prints nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Protocol

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Location, Problem, Runtime, Status
from fromlogits_audit.lean import dataclass
from fromlogits_audit.models import ModelReport
from fromlogits_audit.rules.judge import Judged


class Source(Protocol):
    """A file that was read, as far as excerpts and suppressions need it."""

    @property
    def text(self) -> str:
        """The whole Python text; for a notebook its code cells, joined."""
        ...

    def line_at(self, location: Location) -> str:
        """The original text of ``location.line``, without its line end."""
        ...

    def locate(self, line: int, column: int, end_line: int, end_column: int) -> Location:
        """The place in the file of a span of ``text``; all four count from 1."""
        ...

    def stored(self, location: Location) -> Location:
        """The place in the file as it is stored: a notebook's cells are lines of its JSON there."""
        ...


class Silencer(str, Enum):
    """What keeps a finding out of the report."""

    COMMENT = "comment"
    BASELINE = "baseline"


@dataclass(frozen=True)
class Silenced:
    """A finding that is not reported, and by what."""

    finding: Finding
    by: Silencer


@dataclass(frozen=True)
class Summary:
    """The counts of a report. ``wrong`` counts sites, ``findings`` counts findings."""

    files: int
    sites: int
    ok: int
    wrong: int
    undecided: int
    findings: int


@dataclass(frozen=True)
class Report:
    """Everything a reporter may show, in a fixed order.

    ``findings`` are those that remain after selection and suppression, by place. ``sites`` are
    the loss and metric sites, whatever became of their findings. ``silenced`` are the findings that
    a comment in the code or the baseline keeps out of the report. ``paths`` are the files that were asked
    for (``sources`` also holds what those import). ``notes`` are for standard error.
    ``models`` are the saved models of a run over models, None for a run over source.
    """

    findings: tuple[Finding, ...] = ()
    sites: tuple[Judged, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: int = 0
    silenced: tuple[Silenced, ...] = ()
    runtime: Runtime = field(default_factory=Runtime)
    sources: Mapping[str, Source] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    models: tuple[ModelReport, ...] | None = None

    @property
    def suppressed(self) -> int:
        """How many findings a comment in the code has silenced."""
        return sum(one.by is Silencer.COMMENT for one in self.silenced)

    @property
    def baselined(self) -> int:
        """How many findings the baseline has kept out."""
        return sum(one.by is Silencer.BASELINE for one in self.silenced)

    @property
    def summary(self) -> Summary:
        """Counts over all sites, those of metrics too."""
        status = Counter(judged.status for judged in self.sites)
        return Summary(
            files=self.files,
            sites=len(self.sites),
            ok=status[Status.OK],
            wrong=status[Status.FINDING],
            undecided=status[Status.UNDECIDED],
            findings=len(self.findings),
        )

    @property
    def reasons(self) -> Counter[str]:
        """How often each reason (:class:`~fromlogits_audit.ir.Why`) left a site undecided."""
        undecided = [judged for judged in self.sites if judged.status is Status.UNDECIDED]
        return Counter(judged.reason.why.value if judged.reason else "unknown" for judged in undecided)

    @property
    def codes(self) -> Counter[str]:
        """How many findings each rule has."""
        return Counter(finding.code for finding in self.findings)

    def fails(self, threshold: Severity | None) -> bool:
        """Whether a finding is at least as severe as ``threshold``; None: nothing ever fails."""
        if threshold is None:
            return False
        return any(finding.severity.rank >= threshold.rank for finding in self.findings)

    def line(self, location: Location) -> str | None:
        """The source line of ``location``; None where there is none to show."""
        source = self.sources.get(location.path)
        if source is None or location.line < 1:
            return None
        return source.line_at(location)

    def stored(self, location: Location) -> Location:
        """The place in the file as it is stored; a cell that can't be found there has no line."""
        source = self.sources.get(location.path)
        if source is None:
            return location if location.cell is None else Location(location.path)
        return source.stored(location)
