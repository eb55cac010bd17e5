"""What a run found: plain data that every reporter renders and that prints nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Location, Runtime, Status
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


@dataclass(frozen=True)
class Problem:
    """A file, or a notebook cell, that could not be analysed."""

    location: Location
    reason: str


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
    the loss and metric sites, whatever became of their findings. ``suppressed`` counts findings
    that a comment in the code has silenced.
    """

    findings: tuple[Finding, ...] = ()
    sites: tuple[Judged, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: int = 0
    suppressed: int = 0
    runtime: Runtime = field(default_factory=Runtime)
    sources: Mapping[str, Source] = field(default_factory=dict)

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
