"""``match`` statements, as cases under assumptions on the subject."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.classes import record_fields
from fromlogits_audit.interp.equality import dict_key, equal, identity
from fromlogits_audit.interp.excluded import run_excluded
from fromlogits_audit.interp.items import content_of, get_item
from fromlogits_audit.interp.reflection import is_instance
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.truth import conditions, truth
from fromlogits_audit.interp.values import (
    ALWAYS,
    Choice,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    FuncV,
    Guard,
    ListV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

RunBlock = Callable[["Run", Frame, Any], Any]
Cases = list[tuple[Guard, Callable[[], Any]]]


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a pattern fits: True, False, or None where it is not known.

    Then ``needs`` is what has to hold for it, and ``refused`` what holds where it does not fit, as far as
    either can be said.
    """

    answer: bool | None
    needs: Guard = ALWAYS
    refused: Guard = ALWAYS


YES, NO = Fit(True), Fit(False)


def match_cases(run: Run, frame: Frame, node: cst.Match, run_block: RunBlock) -> Cases:
    """The cases that can apply, each with what it assumes of the subject."""
    from fromlogits_audit.interp.evaluate import evaluate

    subject = evaluate(run, frame, node.subject)
    rows = alternatives(subject, run.state.guard)
    if len(rows) == 1:
        return _cases_of(run, frame, node, rows[0][1], run_block)
    return [
        (guard | assumed, action)
        for guard, option in rows
        for assumed, action in _cases_of(run, frame, node, option, run_block)
    ]


def _cases_of(run: Run, frame: Frame, node: cst.Match, subject: Value, run_block: RunBlock) -> Cases:
    cases: Cases = []
    refused: Guard = ALWAYS
    for at, case in enumerate(node.cases):
        matcher = _Matcher(run, frame)
        fit = matcher.fit(case.pattern, subject)
        if fit.answer is not False and case.guard is not None:
            fit = matcher.whole(case, subject, [fit, _fit_of_guard(run, frame, matcher.bound, case.guard)])
        action = _action(run, frame, case, matcher.bound, run_block)
        if fit.answer is False:
            run_excluded(run, frame, [case.body], action)
            continue
        cases.append((refused | fit.needs, action))
        if fit.answer:
            for other in node.cases[at + 1 :]:
                run_excluded(run, frame, [other.body], _action(run, frame, other, {}, run_block))
            return cases
        refused |= fit.refused
    return [*cases, (refused, lambda: run_block(run, frame, []))]


def _fit_of_guard(run: Run, frame: Frame, bound: dict[str, Value], test: cst.BaseExpression) -> Fit:
    """What ``if ...`` behind a pattern says, with the names that the pattern binds."""
    from fromlogits_audit.interp.evaluate import evaluate

    _bind(run, frame, bound)
    value = evaluate(run, frame, test)
    answer = truth(run.state, value)
    return Fit(answer, *conditions(run.state, value)) if answer is None else Fit(answer)


def _bind(run: Run, frame: Frame, bound: dict[str, Value]) -> None:
    for name, value in bound.items():
        run.state.write(frame, name, value)


def _action(
    run: Run, frame: Frame, case: cst.MatchCase, bound: dict[str, Value], run_block: RunBlock
) -> Callable[[], Any]:
    def action() -> Any:
        _bind(run, frame, bound)
        return run_block(run, frame, case.body.body)

    return action


def _all(fits: Sequence[Fit]) -> Fit:
    """All of them fit."""
    if any(fit.answer is False for fit in fits):
        return NO
    open_ = [fit for fit in fits if fit.answer is None]
    if not open_:
        return YES
    return Fit(
        None, ALWAYS.union(*(fit.needs for fit in open_)), open_[0].refused if len(open_) == 1 else ALWAYS
    )


def _any(fits: Sequence[Fit]) -> Fit:
    """One of them fits."""
    if any(fit.answer for fit in fits):
        return YES
    open_ = [fit for fit in fits if fit.answer is None]
    if not open_:
        return NO
    refused = ALWAYS.union(*(fit.refused for fit in open_))
    return Fit(None, open_[0].needs if len(open_) == 1 else ALWAYS, refused)


_NO_SEQUENCE = (Const, DictV, FuncV, ClassV, ExternalV)
_NO_MAPPING = (Const, TupleV, ListV, FuncV, ClassV, ExternalV)


class _Matcher:
    """One pattern against one subject. ``bound`` are the names that it binds."""

    def __init__(self, run: Run, frame: Frame) -> None:
        self._run = run
        self._frame = frame
        self.bound: dict[str, Value] = {}

    def fit(self, pattern: cst.MatchPattern, subject: Value) -> Fit:
        if isinstance(pattern, cst.MatchAs):
            return self._as(pattern, subject)
        if isinstance(subject, Choice):
            return self._choice(pattern, subject)
        if isinstance(pattern, cst.MatchOr):
            return _any([self.fit(element.pattern, subject) for element in pattern.patterns])
        if isinstance(pattern, (cst.MatchValue, cst.MatchSingleton)):
            return self._value(pattern, subject)
        if isinstance(pattern, (cst.MatchList, cst.MatchTuple)):
            return self._sequence(pattern, subject)
        if isinstance(pattern, cst.MatchMapping):
            return self._mapping(pattern, subject)
        return (
            self._class(pattern, subject)
            if isinstance(pattern, cst.MatchClass)
            else self._open(pattern, subject)
        )

    def _as(self, pattern: cst.MatchAs, subject: Value) -> Fit:
        fit = self.fit(pattern.pattern, subject) if pattern.pattern is not None else YES
        if pattern.name is not None:
            self.bound[pattern.name.value] = subject
        return fit

    def _choice(self, pattern: cst.MatchPattern, subject: Choice) -> Fit:
        """Inside of another pattern: what fits one of several values, and what not, is one open question."""
        bound: dict[str, list[tuple[Guard, Value]]] = {}
        answers = set()
        for guard, option in alternatives(subject, self._run.state.guard):
            matcher = _Matcher(self._run, self._frame)
            answers.add(matcher.fit(pattern, option).answer)
            for name, value in matcher.bound.items():
                bound.setdefault(name, []).append((guard, value))
        self.bound.update({name: choose(pairs) for name, pairs in bound.items()})
        return (
            Fit(answers.pop()) if len(answers) == 1 and None not in answers else self._open(pattern, subject)
        )

    def whole(self, node: cst.CSTNode, subject: Value, fits: Sequence[Fit]) -> Fit:
        """All of them fit. Where more than one is not known, together they are a condition of their own."""
        fit = _all(fits)
        if fit.answer is not None or fit.refused:
            return fit
        together = self._open(node, subject)
        return Fit(together.answer, fit.needs | together.needs, together.refused)

    def _open(self, pattern: cst.CSTNode, subject: Value) -> Fit:
        """Not known: a condition of its own."""
        return self._under(("match", identity(subject), id(pattern)))

    def _under(self, key: Hashable) -> Fit:
        assumed = self._run.state.assumed(key)
        return (
            Fit(assumed)
            if assumed is not None
            else Fit(None, frozenset({(key, True)}), frozenset({(key, False)}))
        )

    def _value(self, pattern: cst.MatchValue | cst.MatchSingleton, subject: Value) -> Fit:
        value = self._evaluated(pattern.value)
        if (
            isinstance(pattern, cst.MatchSingleton)
            and isinstance(subject, Const)
            and isinstance(value, Const)
        ):
            return Fit(subject.value is value.value)
        answer = equal(subject, value)
        if answer is not None:
            return Fit(answer)
        if isinstance(value, Const):
            self._run.constants[identity(value)] = value
        return self._under(("==", identity(subject), identity(value)))

    def _evaluated(self, node: cst.BaseExpression) -> Value:
        from fromlogits_audit.interp.evaluate import evaluate

        return evaluate(self._run, self._frame, node)

    def _sequence(self, pattern: cst.MatchList | cst.MatchTuple, subject: Value) -> Fit:
        if isinstance(subject, _NO_SEQUENCE):
            return NO
        elements = pattern.patterns
        content = content_of(self._run, subject)
        star = next((at for at, one in enumerate(elements) if isinstance(one, cst.MatchStar)), None)
        if isinstance(content, TupleV) and not content.open:
            return self._items(pattern, subject, star, content.items)
        for at, one in enumerate(elements):
            if isinstance(one, cst.MatchStar):
                self._name_rest(one, self._run.state.fresh(Why.RUNTIME, "the rest of a sequence"))
            elif isinstance(one, cst.MatchSequenceElement):
                self.fit(one.value, get_item(self._run, subject, Const(at)))
        return self._open(pattern, subject)

    def _items(
        self,
        pattern: cst.MatchList | cst.MatchTuple,
        subject: Value,
        star: int | None,
        items: tuple[Value, ...],
    ) -> Fit:
        elements = pattern.patterns
        fixed = len(elements) - (star is not None)
        if len(items) < fixed or (star is None and len(items) > fixed):
            return NO
        if star is not None:
            end = len(items) - (len(elements) - star - 1)
            starred = elements[star]
            if isinstance(starred, cst.MatchStar):
                self._name_rest(starred, ListV(items[star:end]))
            elements = [*elements[:star], *elements[star + 1 :]]
            items = (*items[:star], *items[end:])
        pairs = zip(elements, items, strict=True)
        fits = [self.fit(e.value, v) for e, v in pairs if isinstance(e, cst.MatchSequenceElement)]
        return self.whole(pattern, subject, fits)

    def _name_rest(self, star: cst.MatchStar, rest: Value) -> None:
        if star.name is not None:
            self.bound[star.name.value] = rest

    def _mapping(self, pattern: cst.MatchMapping, subject: Value) -> Fit:
        if isinstance(subject, _NO_MAPPING):
            return NO
        content = content_of(self._run, subject)
        entries = content if isinstance(content, Entries) else Entries({}, True)
        fits, taken = [], set()
        for element in pattern.elements:
            index = self._evaluated(element.key)
            key = dict_key(index)
            taken.add(key)
            held = get_item(self._run, subject, index)
            fit = self.fit(element.pattern, held)
            if key is None or key not in entries.items:
                fit = _all([fit, self._open(element, subject) if entries.open or key is None else NO])
            fits.append(fit)
        if pattern.rest is not None:
            rest = {key: item for key, item in entries.items.items() if key not in taken}
            self.bound[pattern.rest.value] = DictV(rest, entries.open)
        if not isinstance(subject, DictV):
            fits.append(self._open(pattern, subject))
        return self.whole(pattern, subject, fits)

    def _class(self, pattern: cst.MatchClass, subject: Value) -> Fit:
        cls = self._evaluated(pattern.cls)
        answer = is_instance(subject, cls)
        if answer is False:
            return NO
        fits = [YES if answer else self._open(pattern, subject)]
        names = self._positions(cls, len(pattern.patterns))
        for at, element in enumerate(pattern.patterns):
            place = Place(self._frame.chunk, element)
            if names is None:
                fits += [self.fit(element.value, self._run.state.fresh(Why.RUNTIME, "a part of a match"))]
                fits += [self._open(element, subject)]
            else:
                name = names[at]
                held = self._run.attribute(subject, name, place) if name else subject
                fits.append(self.fit(element.value, held))
        for named in pattern.kwds:
            held = self._run.attribute(subject, named.key.value, Place(self._frame.chunk, named))
            fits.append(self.fit(named.pattern, held))
        return self.whole(pattern, subject, fits)

    def _positions(self, cls: Value, count: int) -> list[str] | None:
        """The attributes that positional patterns are about; of a builtin type it is the value itself."""
        if isinstance(cls, ExternalV) and cls.name.startswith("builtins.") and count <= 1:
            return [""]
        names = record_fields(cls) if isinstance(cls, ClassV) else []
        if isinstance(cls, ClassV) and "__match_args__" in cls.slots:
            listed = cls.slots["__match_args__"]
            items = listed.items if isinstance(listed, TupleV) else ()
            names = [str(item.value) for item in items if isinstance(item, Const)]
        return names if len(names) >= count else None
