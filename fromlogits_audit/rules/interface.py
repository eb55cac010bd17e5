"""What a rule is: a code, a page and a pure ``check`` that turns one site into a finding.

A rule knows no frontend: what it cannot see in a :class:`~fromlogits_audit.ir.Site` it cannot
ask. Its page is the docstring of its module, and the two snippets of the page are exact
tests: the first gives this rule's finding and no other, the second gives none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from fromlogits_audit.finding import Finding, Fix, Severity
from fromlogits_audit.ir import Kind, Labels, Location, Site, Step
from fromlogits_audit.lean import dataclass

HEADINGS = ("What it does", "Why it is wrong", "Example", "Use instead", "Fix safety")
"""The sections of every page, in this order."""

_FENCE = "```"


def sections(page: str) -> dict[str, str]:
    """The text under each ``## heading`` of a page, stripped."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in page.splitlines():
        if line.startswith("## "):
            lines = found.setdefault(line[3:].strip(), [])
        else:
            lines.append(line)
    return {heading: "\n".join(body).strip() for heading, body in found.items()}


def snippet(section: str) -> str:
    """The first fenced python block of a section, with a final line feed.

    Raises ``ValueError`` where there is none: a page without its example is a bug of ours.
    """
    opening = _FENCE + "python\n"
    start = section.find(opening)
    end = section.find("\n" + _FENCE, start + len(opening))
    if start < 0 or end < 0:
        raise ValueError("the section has no fenced python block")
    return section[start + len(opening) : end] + "\n"


def trace_of(site: Site, labels: Labels | None = None) -> tuple[Step, ...]:
    """The way from the output's layer over the loss, and the labels where they matter, to the place where
    they meet."""
    loss = site.loss or site.partner
    told = (one.trace for one in (site.output, loss, labels) if one is not None)
    steps = (*(step for trace in told for step in trace), *site.trace)
    return tuple(dict.fromkeys(steps))


@dataclass(frozen=True)
class Rule:
    """One rule. ``kinds`` are the sites it looks at; ``check`` returns None for all it has
    nothing to say about, also where the site's facts are not known."""

    code: str
    name: str
    severity: Severity
    summary: str
    check: Callable[[Site], Finding | None]
    kinds: frozenset[Kind]
    page: str

    @property
    def example(self) -> str:
        """A complete program with exactly this finding."""
        return snippet(sections(self.page)["Example"])

    @property
    def use_instead(self) -> str:
        """The same program, mended: no finding."""
        return snippet(sections(self.page)["Use instead"])

    def report(
        self,
        site: Site,
        problem: str,
        help: str,
        location: Location | None = None,
        *,
        effect: str = "",
        labels: Labels | None = None,
        fixes: Iterable[Fix | None] = (),
    ) -> Finding:
        """A finding of this rule, at the site unless ``location`` says otherwise.

        ``effect`` is what Keras makes of the problem, measured: it is not said of a loss that Keras does not
        compute, one of another library or one that the configuration declares. ``labels`` are given where
        the finding is about them.
        ``fixes`` are those that could be built, the one to prefer first; None stands for one that could not.
        """
        of_keras = site.loss is None or not site.loss.is_custom
        layer = site.edits.layer if site.edits is not None else None
        resting = layer.span if layer is not None else None
        return Finding(
            code=self.code,
            name=self.name,
            severity=self.severity,
            message=f"{problem} {effect}" if effect and of_keras else problem,
            location=location or site.location,
            help=help,
            trace=trace_of(site, labels),
            fixes=tuple(replace(fix, rests_on=resting) for fix in fixes if fix is not None),
        )
