"""What the figures of ``make bench`` say: medians, paired ratios, growth, and the text for the docs.

Nothing here measures, reads or writes; times are CPU seconds, memory is in MB.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

COLD, WARM, LEAF, CENTRAL = "no cache", "all in the cache", "one changed leaf", "one changed central file"
OURS = (COLD, WARM, LEAF, CENTRAL)
TOOL, RUFF = "fromlogits-audit", "ruff check"
START, END = "<!-- bench -->", "<!-- /bench -->"


@dataclass(frozen=True)
class Measure:
    """One process with its children: user and system seconds, and the peak MB of its largest process."""

    seconds: float
    memory: float


@dataclass
class Row:
    """What one command took, by round; or why it has no figures (``over 60``, ``absent: ...``)."""

    name: str
    measures: dict[int, Measure] = field(default_factory=dict)
    note: str | None = None

    @property
    def seconds(self) -> float | None:
        return self._median(lambda measure: measure.seconds)

    @property
    def memory(self) -> float | None:
        return self._median(lambda measure: measure.memory)

    def _median(self, what: Callable[[Measure], float]) -> float | None:
        return statistics.median(map(what, self.measures.values())) if self.measures else None


@dataclass(frozen=True)
class Table:
    """All commands on one set of files, which ``title`` describes: (a) the small one, (b) the large one."""

    title: str
    rows: Mapping[str, Row]


@dataclass(frozen=True)
class Growth:
    """One command over N copies; ``startup`` is the same command on a file of a few lines."""

    name: str
    startup: Row
    copies: Mapping[int, Row]


@dataclass(frozen=True)
class Target:
    """A ratio (or a size) and the most that it may be; ``value`` None: it could not be measured."""

    text: str
    value: float | None
    limit: float
    aim: bool = False

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.value <= self.limit else "short"


def ratio(one: Row | None, other: Row | None) -> float | None:
    """The median over the rounds that have both of one's CPU seconds in the other's."""
    if one is None or other is None:
        return None
    both = sorted(one.measures.keys() & other.measures.keys())
    pairs = [(one.measures[number].seconds, other.measures[number].seconds) for number in both]
    ratios = [mine / theirs for mine, theirs in pairs if theirs > 0]
    return statistics.median(ratios) if ratios else None


def deviation(growth: Growth, what: Callable[[Measure], float]) -> float | None:
    """How far the most copies are from that many times one copy, start-up taken off both: 0.0 is linear.

    Taken round by round, from measures that were made one after the other; the median counts.
    """
    most = max(growth.copies)
    one, many, none = growth.copies[1].measures, growth.copies[most].measures, growth.startup.measures
    found = []
    for number in sorted(one.keys() & many.keys() & none.keys()):
        base = what(none[number])
        first = what(one[number]) - base
        if first > 0:
            found.append((what(many[number]) - base) / most / first - 1)
    return statistics.median(found) if found else None


def line(points: Mapping[int, float]) -> tuple[float, float]:
    """Least squares: (intercept, slope) of y over x; at least two different x."""
    slope, intercept = statistics.linear_regression(list(points), list(points.values()))
    return intercept, slope


def residual(points: Mapping[int, float]) -> float:
    """How far the point that is farthest from the fitted line is from it, as a part of what the line says."""
    intercept, slope = line(points)
    return max(abs(y / (intercept + slope * x) - 1) for x, y in points.items())


# -- targets ---------------------------------------------------------------------------------------
def targets(small: Table, large: Table, growths: Sequence[Growth]) -> list[Target]:
    """What this tool is held to, beside what it reached here."""
    found = [
        *_beside(small, "(a)", {"semgrep": False, "flake8": True}),
        *_beside(large, "(b)", {"semgrep": False, f"{RUFF} --select ALL": True}),
        Target(f"{WARM} / {RUFF}, (b)", ratio(large.rows.get(WARM), large.rows.get(RUFF)), 1.0),
    ]
    for mark, table in (("(a)", small), ("(b)", large)):
        for name in (LEAF, CENTRAL):
            value = ratio(table.rows.get(name), table.rows.get(COLD))
            found.append(Target(f"{name} / {COLD}, {mark}", value, 0.3))
    peaks = [row.memory for name in OURS if (row := large.rows.get(name)) and row.memory is not None]
    found.append(Target("peak memory in MB, (b)", max(peaks, default=None), 300.0))
    return found + [target for growth in growths for target in _linear(growth)]


def _beside(table: Table, mark: str, others: Mapping[str, bool]) -> Iterable[Target]:
    for name, aim in others.items():
        value = ratio(table.rows.get(COLD), table.rows.get(name))
        yield Target(f"{COLD} / {name}, {mark}", value, 1.0, aim)


def _linear(growth: Growth) -> Iterable[Target]:
    """Time either way; memory may grow by less than the files do, and that is no fault."""
    most = max(growth.copies)
    time = deviation(growth, lambda measure: measure.seconds)
    memory = deviation(growth, lambda measure: measure.memory)
    name = f"{growth.name}: {most} copies from {most} times one"
    yield Target(f"{name}, time", None if time is None else abs(time), 0.15)
    yield Target(f"{name}, memory (more only)", None if memory is None else max(memory, 0.0), 0.15)


# -- text ------------------------------------------------------------------------------------------
def grid(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def figure(value: float | None) -> str:
    """Three significant digits, without an exponent."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}"


def tools_text(small: Table, large: Table) -> str:
    """CPU seconds and MB of every command on both sets of files."""
    head = ["", "(a) CPU s", "(a) MB", "(b) CPU s", "(b) MB"]
    names = list(dict.fromkeys([*small.rows, *large.rows]))
    return grid([head, *([_label(name), *_cells(small, name), *_cells(large, name)] for name in names)])


def _label(name: str) -> str:
    return f"{TOOL}: {name}" if name in OURS else name


def _cells(table: Table, name: str) -> list[str]:
    row = table.rows.get(name)
    if row is None or row.seconds is None:
        return [(row.note if row is not None else None) or "-", "-"]
    return [figure(row.seconds), f"{row.memory:.0f}"]


def growth_text(growths: Sequence[Growth]) -> str:
    """A table by copies, and a sentence about each command's fit."""
    head = [["copies", *(f"{growth.name}, {unit}" for growth in growths for unit in ("CPU s", "MB"))]]
    body = [
        [str(count), *(cell for growth in growths for cell in _growth_cells(growth.copies[count]))]
        for count in sorted(growths[0].copies)
    ]
    start = [["start-up", *(cell for growth in growths for cell in _growth_cells(growth.startup))]]
    return "\n".join([grid(head + start + body), "", *map(fit_text, growths)])


def _growth_cells(row: Row) -> list[str]:
    return [figure(row.seconds), "-" if row.memory is None else f"{row.memory:.0f}"]


def fit_text(growth: Growth) -> str:
    """The fitted line over the copies, and how far the farthest point is from it."""
    points = {count: row.seconds for count, row in growth.copies.items() if row.seconds is not None}
    if len(points) < 2:
        return f"- {growth.name}: not measured."
    intercept, slope = line(points)
    fitted = f"{figure(slope)} s a copy and {figure(max(intercept, 0.0))} s at the start"
    return (
        f"- {growth.name}: {fitted} fit best; no point is further than {residual(points):.0%} from that line."
    )


def targets_text(found: Sequence[Target]) -> str:
    head = ["CPU seconds in CPU seconds, or as said", "here", "at most", ""]
    return grid([head, *([target.text, figure(target.value), *_held(target)] for target in found)])


def _held(target: Target) -> list[str]:
    return [f"{target.limit:g}{' (aim)' if target.aim else ''}", target.verdict]


def replaced(page: str, text: str) -> str:
    """The page with text between its markers, which it must have once, in order."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"no {START} ... {END} in the page")
    return f"{before}{START}\n{text.strip()}\n{END}{after}"
