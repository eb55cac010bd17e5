"""``match`` statements: each case is a test of the subject, as in a chain of ``if`` and ``elif``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, choose, lift
from fromlogits_audit.interp.classes import field_names
from fromlogits_audit.interp.equality import dict_key, identity
from fromlogits_audit.interp.excluded import run_excluded
from fromlogits_audit.interp.items import content_of, get_item, spread
from fromlogits_audit.interp.operators import compare
from fromlogits_audit.interp.outcome import Outcome
from fromlogits_audit.interp.outside import is_class_name
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.truth import conditions, truth
from fromlogits_audit.interp.values import (
    ALWAYS,
    FALSE,
    TRUE,
    Args,
    BagV,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    Guard,
    InstanceV,
    IterV,
    ListV,
    Place,
    SliceV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Case = tuple[Guard, "Callable[[], Outcome]"]
_EQUAL = cst.Equal()
Tests = Sequence[Callable[[], Value]]
_WHOLE = ("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple")
"""Builtins whose one positional pattern is matched against the subject itself."""


def match_cases(run: Run, frame: Frame, node: cst.Match) -> list[Case]:
    """The first case that can apply, and what follows it, each with what it assumes of the subject."""
    from fromlogits_audit.interp.evaluate import evaluate

    return _cases(run, frame, node.cases, evaluate(run, frame, node.subject))


def _cases(run: Run, frame: Frame, cases: Sequence[cst.MatchCase], subject: Value) -> list[Case]:
    for index, case in enumerate(cases):
        rest = cases[index + 1 :]
        test = _test(run, frame, case, subject)
        known = truth(run.state, test)
        otherwise = partial(_next, run, frame, rest, subject)
        body = partial(_body, run, frame, case, subject)
        if known is None:
            yes, no = conditions(run.state, test)
            return [(yes, body), (no, otherwise)]
        if known:
            if not isinstance(test, Unknown):
                _leave_out(run, frame, rest, subject)
            return [(ALWAYS, body)]
        if not isinstance(test, Unknown):
            _leave_out(run, frame, [case], subject)
    return [(ALWAYS, Outcome)]


def _next(run: Run, frame: Frame, cases: Sequence[cst.MatchCase], subject: Value) -> Outcome:
    from fromlogits_audit.interp.execute import run_cases

    found = _cases(run, frame, cases, subject)
    return found[0][1]() if len(found) == 1 else run_cases(run, frame, found, [])


def _leave_out(run: Run, frame: Frame, cases: Sequence[cst.MatchCase], subject: Value) -> None:
    """Cases that constants exclude, for their sites alone."""
    for case in cases:
        run_excluded(run, frame, [case.body], partial(_body, run, frame, case, subject))


def _body(run: Run, frame: Frame, case: cst.MatchCase, subject: Value) -> Outcome:
    from fromlogits_audit.interp.execute import run_block

    _bind(run, frame, case.pattern, subject)
    return run_block(run, frame, case.body.body)


def _test(run: Run, frame: Frame, case: cst.MatchCase, subject: Value) -> Value:
    """Whether a case applies: its pattern, and what ``if`` asks of the names that it binds."""
    applies = _admits(run, frame, case.pattern, subject)
    known = truth(run.state, applies)
    if case.guard is None or known is False:
        return applies
    if known:
        return _asked(run, frame, case, case.guard, subject)
    yes, no = conditions(run.state, applies)
    with run.state.branch(yes) as branch:
        asked = _asked(run, frame, case, case.guard, subject)
    with run.state.branch(no) as other:
        pass
    run.state.join([branch, other])
    return choose([(no, FALSE), (yes, asked)])


def _asked(
    run: Run, frame: Frame, case: cst.MatchCase, question: cst.BaseExpression, subject: Value
) -> Value:
    from fromlogits_audit.interp.evaluate import evaluate

    _bind(run, frame, case.pattern, subject)
    return evaluate(run, frame, question)


# -- whether a pattern applies -------------------------------------------------------------------
def _admits(run: Run, frame: Frame, pattern: cst.CSTNode, subject: Value) -> Value:
    """A condition, over all alternatives of the subject."""
    return lift(subject, run.state.guard, lambda value: _applies(run, frame, pattern, value))


def _applies(run: Run, frame: Frame, pattern: cst.CSTNode, subject: Value) -> Value:
    from fromlogits_audit.interp.evaluate import evaluate

    if isinstance(pattern, (cst.MatchValue, cst.MatchSingleton)):
        place = Place(frame.chunk, pattern)
        return compare(run, _EQUAL, subject, evaluate(run, frame, pattern.value), place)
    if isinstance(pattern, cst.MatchAs):
        return TRUE if pattern.pattern is None else _admits(run, frame, pattern.pattern, subject)
    if isinstance(pattern, cst.MatchStar):
        return TRUE
    if isinstance(pattern, cst.MatchOr):
        return _any(run, [partial(_admits, run, frame, e.pattern, subject) for e in pattern.patterns])
    if isinstance(pattern, cst.MatchSequence):
        return _sequence(run, frame, pattern, subject)
    if isinstance(pattern, cst.MatchMapping):
        return _mapping(run, frame, pattern, subject)
    if isinstance(pattern, cst.MatchClass):
        return _class(run, frame, pattern, subject)
    return _maybe(pattern, subject)


def _any(run: Run, tests: Tests) -> Value:
    return _chain(run, tests, until=True)


def _all(run: Run, tests: Tests) -> Value:
    return _chain(run, tests, until=False)


def _chain(run: Run, tests: Tests, *, until: bool) -> Value:
    """``or`` and ``and``: tests are made until one says ``until``."""
    result: Value = FALSE if until else TRUE
    for number, test in enumerate(tests):
        known = truth(run.state, result) if number else not until
        if known is until:
            return result
        if known is None:
            yes, no = conditions(run.state, result)
            stop, go = (yes, no) if until else (no, yes)
            result = choose([(stop, TRUE if until else FALSE), (go, test())])
        else:
            result = test()
    return result


def _maybe(pattern: cst.CSTNode, subject: Value) -> Unknown:
    """Whether it applies is not known, but it is the same each time."""
    reason = subject.reason if isinstance(subject, Unknown) else Undecided(Why.RUNTIME, "a pattern")
    return Unknown(reason, ("matches", identity(subject), id(pattern)))


def _sequence(run: Run, frame: Frame, pattern: cst.MatchSequence, subject: Value) -> Value:
    content = content_of(run, subject)
    if isinstance(subject, DictV) or not isinstance(content, (TupleV, Unknown, InstanceV, BagV)):
        # Neither a text nor an iterator is a sequence here.
        unsure = isinstance(content, ExternalV) and not is_class_name(content.name)
        return _maybe(pattern, subject) if unsure else FALSE
    if not isinstance(content, TupleV):
        return _maybe(pattern, subject)
    least = sum(not isinstance(p, cst.MatchStar) for p in pattern.patterns)
    exact = least == len(pattern.patterns)
    size = len(content.items)
    if not content.open and (size != least if exact else size < least):
        return FALSE
    if content.open:
        return _maybe(pattern, subject)
    pairs = _pairs(run, pattern, subject)
    return _all(run, [partial(_admits, run, frame, inner, item) for inner, item in pairs])


def _pairs(run: Run, pattern: cst.MatchSequence, subject: Value) -> list[tuple[cst.CSTNode, Value]]:
    """The patterns of a sequence, each with the item that it is for; a star has the items between."""
    count = len(pattern.patterns)
    star = next((i for i, p in enumerate(pattern.patterns) if isinstance(p, cst.MatchStar)), count)
    pairs: list[tuple[cst.CSTNode, Value]] = []
    for index, element in enumerate(pattern.patterns):
        at = Const(index if index < star else index - count)
        if isinstance(element, cst.MatchSequenceElement):
            pairs.append((element.value, get_item(run, subject, at)))
        else:
            end = Const(index - count + 1 or None)
            content = content_of(run, subject)
            between = get_item(run, content, SliceV(Const(index), end, Const(None)))
            items = between if isinstance(between, TupleV) else spread(run, between)
            pairs.append((element, ListV(items.items, items.open) if isinstance(items, TupleV) else items))
    return pairs


def _mapping(run: Run, frame: Frame, pattern: cst.MatchMapping, subject: Value) -> Value:
    content = content_of(run, subject)
    if isinstance(content, ExternalV) and is_class_name(content.name):
        return FALSE
    if isinstance(content, (Unknown, InstanceV, BagV, ExternalV, IterV)):
        return _all(run, [partial(_maybe, pattern, subject), *_items(run, frame, pattern, subject)])
    if not isinstance(content, Entries):
        return FALSE
    from fromlogits_audit.interp.evaluate import evaluate

    for element in pattern.elements:
        key = dict_key(evaluate(run, frame, element.key))
        if key is None or (key not in content.items and content.open):
            return _maybe(pattern, subject)
        if key not in content.items:
            return FALSE
    return _all(run, _items(run, frame, pattern, subject))


def _items(run: Run, frame: Frame, pattern: cst.MatchMapping, subject: Value) -> Tests:
    from fromlogits_audit.interp.evaluate import evaluate

    return [
        partial(_admits, run, frame, e.pattern, get_item(run, subject, evaluate(run, frame, e.key)))
        for e in pattern.elements
    ]


def _class(run: Run, frame: Frame, pattern: cst.MatchClass, subject: Value) -> Value:
    from fromlogits_audit.interp.evaluate import evaluate

    kind = evaluate(run, frame, pattern.cls)
    is_one = partial(run.call, ExternalV("builtins.isinstance"), Args((subject, kind)), None)
    parts = _parts(run, frame, pattern, kind, subject)
    if parts is None:
        return _all(run, [is_one, partial(_maybe, pattern, subject)])
    return _all(run, [is_one, *(partial(_admits, run, frame, inner, value) for inner, value in parts)])


def _parts(
    run: Run, frame: Frame, pattern: cst.MatchClass, kind: Value, subject: Value
) -> list[tuple[cst.CSTNode, Value]] | None:
    """The patterns for attributes, each with the attribute; None where it is not known which."""
    place = Place(frame.chunk, pattern)
    named: list[tuple[cst.CSTNode, str]] = [(e.pattern, e.key.value) for e in pattern.kwds]
    if pattern.patterns:
        if isinstance(kind, ExternalV) and kind.name.rpartition(".")[2] in _WHOLE and not named:
            return [(pattern.patterns[0].value, subject)]
        names = field_names(kind) if isinstance(kind, ClassV) else None
        if names is None or len(names) < len(pattern.patterns):
            return None
        named = [*zip((e.value for e in pattern.patterns), names, strict=False), *named]
    return [(inner, run.attribute(subject, name, place)) for inner, name in named]


# -- what a pattern binds ------------------------------------------------------------------------
def _bind(run: Run, frame: Frame, pattern: cst.CSTNode, subject: Value) -> None:
    """Bind the names of a pattern that applies."""
    if isinstance(pattern, cst.MatchAs):
        if pattern.pattern is not None:
            _bind(run, frame, pattern.pattern, subject)
        _write(run, frame, pattern.name, subject)
    elif isinstance(pattern, cst.MatchStar):
        _write(run, frame, pattern.name, subject)
    elif isinstance(pattern, cst.MatchOr):
        _bind_one_of(run, frame, pattern, subject)
    elif isinstance(pattern, cst.MatchSequence):
        for inner, item in _pairs(run, pattern, subject):
            _bind(run, frame, inner, item)
    elif isinstance(pattern, cst.MatchMapping):
        _bind_mapping(run, frame, pattern, subject)
    elif isinstance(pattern, cst.MatchClass):
        _bind_class(run, frame, pattern, subject)


def _write(run: Run, frame: Frame, name: cst.Name | None, value: Value) -> None:
    if name is not None:
        run.state.write(frame.globals_of.get(name.value, frame), name.value, value)


def _bind_one_of(run: Run, frame: Frame, pattern: cst.MatchOr, subject: Value) -> None:
    """All alternatives bind the same names: those of the first that applies."""
    for element in pattern.patterns:
        if truth(run.state, _admits(run, frame, element.pattern, subject)) is not False:
            return _bind(run, frame, element.pattern, subject)
    return None


def _bind_mapping(run: Run, frame: Frame, pattern: cst.MatchMapping, subject: Value) -> None:
    from fromlogits_audit.interp.evaluate import evaluate

    keys = [evaluate(run, frame, element.key) for element in pattern.elements]
    for element, key in zip(pattern.elements, keys, strict=True):
        _bind(run, frame, element.pattern, get_item(run, subject, key))
    if pattern.rest is not None:
        _write(run, frame, pattern.rest, _without(run, subject, {dict_key(key) for key in keys}))


def _without(run: Run, subject: Value, gone: set[Any]) -> Value:
    """What ``**rest`` of a mapping is."""
    rows: list[tuple[Guard, Value]] = []
    for guard, content in alternatives(content_of(run, subject), run.state.guard):
        if isinstance(content, Entries):
            left = {key: pair for key, pair in content.items.items() if key not in gone}
            rows.append((guard, DictV(left, content.open)))
        elif isinstance(content, Unknown):
            rows.append((guard, Unknown(content.reason, ("rest", content.key))))
    return choose(rows) if rows else run.state.fresh(Why.UNSUPPORTED, "the rest of a mapping")


def _bind_class(run: Run, frame: Frame, pattern: cst.MatchClass, subject: Value) -> None:
    from fromlogits_audit.interp.evaluate import evaluate

    kind = evaluate(run, frame, pattern.cls)
    for _, value in alternatives(subject, run.state.guard):
        parts = _parts(run, frame, pattern, kind, value)
        if parts is None:
            unknown = run.state.fresh(Why.UNSUPPORTED, "part of a pattern")
            parts = [(element.value, unknown) for element in pattern.patterns]
        for inner, part in parts:
            _bind(run, frame, inner, part)
