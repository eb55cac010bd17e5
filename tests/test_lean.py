"""Dataclasses of a command: the same to everybody who only reads them."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from fromlogits_audit import lean


class Frozen:
    units: int
    name: str = "dense"
    seen: list[int] = field(default_factory=list, compare=False, repr=False)


class Single:
    units: int


class Nothing:
    pass


class Special:
    steps: list[int] = field(default_factory=list, init=False)
    rate: float = field(default=0.5, kw_only=True)
    units: int
    name: str = field(default="dense", init=False)

    def __post_init__(self) -> None:
        self.steps.append(self.units)


class Speaking:
    units: int = 1

    def __repr__(self) -> str:
        return "me"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


CASES: dict[str, tuple[type, dict[str, Any], tuple[Any, ...]]] = {
    "frozen": (Frozen, {"frozen": True}, (1, "out")),
    "frozen-slots": (Frozen, {"frozen": True, "slots": True}, (1, "out", [2])),
    "mutable": (Frozen, {}, (1,)),
    "ordered": (Single, {"frozen": True, "order": True}, (1,)),
    "identity": (Single, {"frozen": True, "eq": False}, (1,)),
    "single": (Single, {"frozen": True}, (1.5,)),
    "special": (Special, {}, (1,)),
    "special-slots": (Special, {"slots": True}, (1,)),
    "nothing": (Nothing, {"frozen": True}, ()),
    "own-methods": (Speaking, {"frozen": True}, ()),
}


if sys.version_info < (3, 13):  # Later ones compare field by field, and a NaN is not itself then.
    CASES["not-a-number"] = (Single, {"frozen": True}, (float("nan"),))


def _copied(cls: type) -> Any:
    return type(cls.__name__, (), {name: value for name, value in vars(cls).items() if name[:6] != "__dict"})


def facts(cls: Any, given: tuple[Any, ...]) -> list[object]:
    """What can be told of a class and its instances."""
    one, same = cls(*given), cls(*given)
    found: list[object] = [repr(one), one == same, one == one, one == 1, one != same, cls.__match_args__]
    found += [f.name for f in fields(cls)]
    found.append(cls.__hash__ is None or cls.__hash__ is object.__hash__ or hash(one) == hash(same))
    found += [cls.__hash__ is None, cls.__hash__ is object.__hash__]
    found += [repr(copy.copy(one)), repr(replace(one)), repr(copy.deepcopy(one))]
    found += [one < cls(*given)] if hasattr(cls, "__lt__") and "__lt__" in vars(cls) else []
    return found


@pytest.fixture(params=[0, 99], ids=["compiled", "few"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to make an instance."""
    monkeypatch.setattr(lean, "_FEW", request.param)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", CASES)
def test_a_quick_dataclass_is_a_dataclass(name: str) -> None:
    base, options, given = CASES[name]
    usual, quick = dataclass(**options)(_copied(base)), lean.quick(**options)(_copied(base))
    assert facts(quick, given) == facts(usual, given)


@dataclass
class Sent:
    units: int


Sent = lean.quick(frozen=True, slots=True)(_copied(Sent))  # type: ignore[misc]


def test_what_goes_to_a_worker_comes_back() -> None:
    assert pickle.loads(pickle.dumps(Sent(3))) == Sent(3)


def test_classes_of_somebody_elses_process_guard_their_fields() -> None:
    made = lean.dataclass(frozen=True)(_copied(Single))(1)
    with pytest.raises(FrozenInstanceError):
        made.units = 2


class Base:
    units: int
    seen: list[int] = field(default_factory=list)


def family(define: Any, base: Any = None) -> list[type]:
    """Classes of which some have the ``__init__`` of another one."""
    base = base or define()(_copied(Base))
    wider: Any = define()(type("Wider", (base,), {"__annotations__": {"rate": "float"}, "rate": 0.5}))
    calling = type("Calling", (wider,), {"__init__": lambda self, units: wider.__init__(self, units, [9])})
    return [base, type("Plain", (base,), {}), wider, calling, _copied(base)]


def made(cls: type, *given: Any, **named: Any) -> object:
    try:
        return cls.__name__, repr(cls(*given, **named))
    except TypeError as error:
        return str(error)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("order", [1, -1])
def test_a_class_makes_its_own_instances_whichever_makes_the_first(order: int) -> None:
    def all_made(define: Any) -> list[object]:
        return [
            [
                made(cls, 1),
                made(cls, units=2),
                made(cls, 3, [4]),
                made(cls),
                made(cls, a=1),
                made(cls, *range(9)),
            ]
            for cls in family(define)[::order]
        ]

    assert all_made(lean.quick) == all_made(dataclass)


def test_an_init_is_compiled_once_and_where_many_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "_FEW", 2)
    base, plain, *_ = family(lean.quick)
    found = []
    for cls in (plain, base, plain, base):
        cls(1)
        found.append(vars(base)["__init__"])
    assert found[0] is found[1] is not found[2] is found[3]
    assert "__init__" not in vars(plain)


@pytest.mark.parametrize("ask", [fields, lambda cls: cls(1), lambda cls: family(lean.quick, cls)[2](1)])
def test_a_class_becomes_a_dataclass_when_it_is_used_first(ask: Any) -> None:
    base: Any = lean.quick()(_copied(Base))
    assert not isinstance(vars(base)["__dataclass_fields__"], dict)
    ask(base)
    assert list(vars(base)["__dataclass_fields__"]) == ["units", "seen"]


def test_instances_that_nobody_made_are_compared() -> None:
    cls: Any = lean.quick(frozen=True, order=True)(_copied(Single))
    one, two = object.__new__(cls), object.__new__(cls)  # as pickle does
    one.units = two.units = 1
    assert one == two
    assert hash(one) == hash(two)
    assert one <= two
    assert not one < two
