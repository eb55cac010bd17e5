"""What pytest gives a test: fixtures by the names of its parameters, and the cases of ``parametrize``.

Every case of a test is a run that really happens, so the test is run once for each. A parameter that
names no fixture of the class, the module or a ``conftest.py`` above it stays unknown.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import resolution_order
from fromlogits_audit.interp.functions import invoke, parameters
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    Const,
    DictV,
    FuncCore,
    FuncV,
    InstanceV,
    IterV,
    ListV,
    PendingV,
    Place,
    TupleV,
    Value,
    forced,
)
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_CASES = 24
"""Cases of one test that are run; where there are more, what differs between them stays unknown."""
MAX_FOLDERS = 8
"""``conftest.py`` files above one another."""
FIXTURE = "pytest.fixture"
_FIXTURES = (FIXTURE, "pytest_asyncio.fixture", "pytest.yield_fixture")


@dataclass(frozen=True, slots=True, eq=False)
class CasesV(Value):
    """``pytest.mark.parametrize(...)``: the arguments of each case by name, or by position."""

    rows: tuple[dict[str | int, Value], ...]


# -- decorators ----------------------------------------------------------------------------------
def _fixture(run: Run, args: Args, place: Place | None) -> Value:
    return BagV(
        FIXTURE, **{name: args.keywords[name] for name in ("name", "params") if name in args.keywords}
    )


def _param(run: Run, args: Args, place: Place | None) -> Value | None:
    """``pytest.param(a, b, id="x")``; one with marks may be left out, or be there to fail."""
    return None if "marks" in args.keywords else TupleV(args.positional)


def _parametrize(run: Run, args: Args, place: Place | None) -> Value | None:
    names, given = args.get(0, "argnames"), args.get(1, "argvalues")
    values = spread(run, given) if given is not None else None
    if names is None or not isinstance(values, TupleV) or values.open or "indirect" in args.keywords:
        return None
    plain = _names(run, names)
    rows = [_row(run, plain, value) for value in values.items]
    return CasesV(tuple(row for row in rows if row is not None)) if None not in rows else None


def _names(run: Run, names: Value) -> list[str]:
    if isinstance(names, Const):
        return [name.strip() for name in str(names.value).split(",")]
    items = spread(run, names)
    found = items.items if isinstance(items, TupleV) else ()
    return [str(item.value) for item in found if isinstance(item, Const)]


def _row(run: Run, names: list[str], value: Value) -> dict[str | int, Value] | None:
    if len(names) == 1 and not (isinstance(value, TupleV) and len(value.items) == 1):
        return {names[0]: value}
    items = spread(run, value)
    if not isinstance(items, TupleV) or items.open or len(items.items) != len(names):
        return None
    return dict(zip(names, items.items, strict=True))


def _positional(run: Run, args: Args, place: Place | None) -> Value | None:
    """``parameterized.parameters(...)`` of absl: tuples and lists are arguments, as is everything else alone.
    One list is a list of such."""
    given = args.positional
    if len(given) == 1 and isinstance(given[0], ListV):
        items = spread(run, given[0])
        given = items.items if isinstance(items, TupleV) and not items.open else ()
    rows = [_row_of_absl(run, value) for value in given]
    known = tuple(row for row in rows if row is not None)
    return CasesV(known) if known and len(known) == len(rows) and not args.star else None


def _row_of_absl(run: Run, value: Value) -> dict[str | int, Value] | None:
    items = spread(run, value) if isinstance(value, (TupleV, ListV)) else TupleV((value,))
    unsure = isinstance(value, DictV) or not isinstance(items, TupleV) or items.open
    return None if unsure else dict(enumerate(items.items))  # type: ignore[union-attr]


CASES = {
    **dict.fromkeys(_FIXTURES, _fixture),
    "pytest.param": _param,
    "pytest.mark.parametrize": _parametrize,
    "absl.testing.parameterized.parameters": _positional,
}


def note_decorator(function: Value, decorator: Value, name: str) -> None:
    """Remember what a decorator of pytest says of a function. One that is no call has a ``name``."""
    if not isinstance(function, FuncV):
        return
    if isinstance(decorator, CasesV):
        function.core.cases = (*function.core.cases, decorator)
    elif isinstance(decorator, BagV) and decorator.kind == FIXTURE:
        function.core.fixture = decorator
    elif name in _FIXTURES:
        function.core.fixture = BagV(FIXTURE)


# -- which fixture a name means --------------------------------------------------------------------
def _fixture_named(run: Run, test: FuncCore, name: str, asking: FuncCore) -> FuncCore | None:
    """The fixture of a name that is nearest to the test, whoever asks for it.

    One that asks for its own name means the next.
    """
    found = [core for slots in _scopes(run, test) if (core := _within(slots, name)) is not None]
    if asking in found:
        found = found[found.index(asking) + 1 :]
    return found[0] if found else None


def _scopes(run: Run, core: FuncCore) -> Iterator[Mapping[object, Value]]:
    """The names around a test, nearest first."""
    for cls in resolution_order(core.owner) if core.owner is not None else ():
        yield cls.slots
    if core.module.frame is not None:
        yield core.module.frame.slots
    path = core.module.file.path
    for _ in range(MAX_FOLDERS):
        found = run.modules.project.resolve(path, "conftest")
        if found is None:
            return
        path = found
        module = run.modules.get(path) if run.modules.may_give_fixtures(path) else None
        if module is not None and module is not core.module:
            yield run.modules.execute(run, module).slots


def _within(slots: Mapping[object, Value], name: str) -> FuncCore | None:
    direct = slots.get(name)
    if direct is not None:
        found = forced(direct)
        if isinstance(found, FuncV) and _called(found.core) == name:
            return found.core
    renamed = (value for value in list(slots.values()) if _says(value, name))
    cores = [value.core for value in map(forced, renamed) if isinstance(value, FuncV)]
    return next((core for core in cores if _called(core) == name), None)


def _says(value: Value, name: str) -> bool:
    """Whether a definition may be a fixture of another name than its own."""
    if isinstance(value, PendingV) and value.value is None:
        return value.chunk is not None and "fixture" in value.chunk.words and name in value.chunk.words
    return isinstance(forced(value), FuncV)


def _called(core: FuncCore) -> str | None:
    """The name under which a function is a fixture; None where it is none."""
    if core.fixture is None:
        return None
    name = core.fixture.slots.get("name")
    return str(name.value) if isinstance(name, Const) else core.name


# -- running a test --------------------------------------------------------------------------------
class _Case:
    """One case of one test: each fixture is made once, and gives the same to all that ask for it."""

    def __init__(self, run: Run, test: FuncCore, instance: Value | None, chosen: dict[int, Value]) -> None:
        self._run = run
        self._test = test
        self._instance = instance
        self._chosen = chosen
        self._made: dict[int, Value] = {}

    def arguments(self, core: FuncCore, given: Mapping[str, Value]) -> dict[str, Value]:
        wanted = _requested(self._run, self._test, core, given)
        found = {name: self._value(fixture) for name, fixture in wanted}
        if id(core) in self._chosen:
            found["request"] = BagV("request", param=self._chosen[id(core)])
        return {**given, **found}

    def _value(self, core: FuncCore) -> Value:
        if id(core) not in self._made:
            first = (self._instance,) if core.owner is not None and self._instance is not None else ()
            self._made[id(core)] = NONE  # what a circle finds
            args = Args(first, self.arguments(core, {}))
            value = invoke(self._run, core, args, *first, assumed=True)
            self._made[id(core)] = _yielded(value)
        return self._made[id(core)]


def _yielded(value: Value) -> Value:
    """What a fixture gives: what it returns, or the first that it yields."""
    if isinstance(value, IterV) and value.kind == "generator":
        return value.items.items[0] if value.items is not None and value.items.items else value.element
    return value


def _requested(
    run: Run, test: FuncCore, core: FuncCore, given: Mapping[str, Value]
) -> list[tuple[str, FuncCore]]:
    """The parameters of a test, or of a fixture for it, that are fixtures."""
    names = [param.name.value for param in core.node.params.kwonly_params]
    wanted = [*parameters(core)[core.owner is not None and core.kind == "function" :], *names]
    pairs = [
        (name, _fixture_named(run, test, name, core))
        for name in wanted
        if name not in given and name not in core.defaults
    ]
    return [(name, found) for name, found in pairs if found is not None]


def is_given(core: FuncCore) -> bool:
    """Whether pytest gives a function its arguments."""
    return core.fixture is not None or bool(core.cases) or core.name.startswith("test")


def cases(run: Run, core: FuncCore, instance: InstanceV | None) -> Iterator[dict[str, Value]]:
    """The arguments of each run of a test, or of a fixture that no test asks for."""
    rows = _rows(core)
    choices = [
        [(id(fixture), value) for value in _params(run, fixture)]
        for fixture in _reached(run, core, rows[0] if rows else {})
    ]
    choices = [options for options in choices if options]
    if len(rows) * math.prod(map(len, choices)) > MAX_CASES:
        rows, choices = [{}], []
    for row in rows:
        for chosen in itertools.product(*choices):
            yield _Case(run, core, instance, dict(chosen)).arguments(core, row)


def _rows(core: FuncCore) -> list[dict[str, Value]]:
    """The cases of a test by the names of its parameters, as far as ``parametrize`` gives them."""
    names = parameters(core)[core.owner is not None :]
    rows: list[dict[str, Value]] = [{}]
    for given in core.cases:
        if not isinstance(given, CasesV) or len(rows) * len(given.rows) > MAX_CASES:
            return [{}]
        more = [
            {(names[key] if isinstance(key, int) else key): value for key, value in row.items()}
            for row in given.rows
            if all(not isinstance(key, int) or key < len(names) for key in row)
        ]
        rows = [{**row, **other} for row in rows for other in more]
    return rows or [{}]  # of a test that none of them fits, what stands in it is judged all the same


def _reached(run: Run, core: FuncCore, given: Mapping[str, Value]) -> list[FuncCore]:
    """The fixtures that a test asks for, and those that they ask for."""
    found = [core] if core.fixture is not None else []
    waiting = [fixture for _, fixture in _requested(run, core, core, given)]
    while waiting:
        fixture = waiting.pop()
        if fixture not in found:
            found.append(fixture)
            waiting.extend(inner for _, inner in _requested(run, core, fixture, {}))
    return found


def _params(run: Run, core: FuncCore) -> tuple[Value, ...]:
    """The values of ``request.param`` in a fixture."""
    given = core.fixture.slots.get("params") if core.fixture is not None else None
    items = spread(run, given) if given is not None else None
    return items.items if isinstance(items, TupleV) and not items.open else ()
