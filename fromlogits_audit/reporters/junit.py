"""JUnit XML: every site is a test case, so that a test report shows what was checked, not only what failed.

A file is a test suite. An ``ok`` site passes, an undecided or suppressed one is skipped with its reason, a
finding fails; a file that can't be read is an error. A notebook's line is that of the ``.ipynb`` file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Location, Status
from fromlogits_audit.report import Report
from fromlogits_audit.reporters import wording
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.reporters.services import message
from fromlogits_audit.rules.judge import Judged

# Characters that XML 1.0 can't hold, not even as references (https://www.w3.org/TR/xml/#charsets).
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, style: Style) -> str:
    """The document, in ASCII with character references. ``style`` changes nothing."""
    root = ET.Element("testsuites", {"name": "fromlogits-audit"})
    cases: dict[str, list[ET.Element]] = {}
    for location, case in sorted(_cases(report), key=lambda pair: pair[0].sort_key()):
        cases.setdefault(location.path, []).append(case)
    for path, found in sorted(cases.items()):
        suite = ET.SubElement(root, "testsuite", {"name": _clean(path), **_counts(found)})
        suite.extend(found)
    root.attrib.update(_counts([case for found in cases.values() for case in found]))
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode("ascii") + "\n"


def _counts(cases: list[ET.Element]) -> dict[str, str]:
    counts = {"tests": len(cases)}
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[name] = sum(case.find(tag) is not None for case in cases)
    return {name: str(number) for name, number in counts.items()}


def _cases(report: Report) -> Iterator[tuple[Location, ET.Element]]:
    for finding in report.findings:
        yield finding.location, _failed(finding, report)
    reported = {(finding.code, finding.location) for finding in report.findings}
    for judged in report.sites:
        own = {(finding.code, finding.location) for finding in judged.findings}
        if not own & reported:
            yield judged.site.location, _other(judged, report)


def _failed(finding: Finding, report: Report) -> ET.Element:
    case = _case(finding.location, f"{finding.code} {finding.name}", report)
    tag = "error" if finding.code == "FLA001" else "failure"
    hops = [f"{wording.place(step.location)}: {step.note}" for step in finding.trace]
    text = "\n".join([f"{wording.place(finding.location)}: {finding.code} {message(finding)}", *hops])
    ET.SubElement(case, tag, {"type": finding.code, "message": _clean(message(finding))}).text = _clean(text)
    return case


def _other(judged: Judged, report: Report) -> ET.Element:
    site = judged.site
    asks = site.loss or site.metric
    case = _case(site.location, asks.name if asks else site.kind.value, report)
    if judged.status is not Status.OK:
        suppressed = f"{', '.join(judged.codes)} is not reported"
        reason = str(judged.reason) if judged.status is Status.UNDECIDED else suppressed
        ET.SubElement(case, "skipped", {"message": _clean(reason)})
    return case


def _case(location: Location, what: str, report: Report) -> ET.Element:
    stored = report.stored(location)
    line = {"line": str(stored.line)} if stored.line else {}
    name = f"{what} at {wording.place(location)}"
    path = _clean(location.path)
    return ET.Element(
        "testcase", {"classname": path, "name": _clean(name), "file": path, **line, "time": "0"}
    )


def _clean(text: str) -> str:
    return _IMPOSSIBLE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)
