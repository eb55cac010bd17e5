"""Function and class statements, with their decorators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.classes import GENERIC, defines, own_method
from fromlogits_audit.interp.creation import finish_class
from fromlogits_audit.interp.descriptors import ACCESSORS, made_property, tell_name, with_accessor
from fromlogits_audit.interp.dispatch import MAKERS, make_generic
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.functions import make_function
from fromlogits_audit.interp.options import apply_option
from fromlogits_audit.interp.pytest_cases import FIXTURE, CasesV, note_decorator
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import (
    Args,
    BagV,
    BoundV,
    ClassV,
    ExternalV,
    FuncV,
    InstanceV,
    MethodV,
    PartialV,
    PendingV,
    Place,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk
    from fromlogits_audit.interp.run import Run

_CACHES = ("functools.cache", "functools.lru_cache", "functools.cached_property")
_KINDS = {
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "builtins.property": "property",
    "functools.cached_property": "property",
    "abc.abstractproperty": "property",
}


def function(run: Run, frame: Frame, node: cst.FunctionDef) -> None:
    made = built_function(run, frame, node)
    run.state.write(frame.globals_of.get(node.name.value, frame), node.name.value, made)


def built_function(run: Run, frame: Frame, node: cst.FunctionDef) -> Value:
    """The function that a statement defines, decorated."""
    made: Value = make_function(run, frame, node, node.name.value, lambda n: evaluate(run, frame, n))
    if isinstance(made, FuncV) and frame.cls is not None and frame.core is None:
        made.core.owner = frame.cls
    for decorator in reversed(node.decorators):
        made = _decorated(run, frame, made, decorator)
    return made


def _decorated(run: Run, frame: Frame, made: Value, decorator: cst.Decorator) -> Value:
    """Apply a decorator: the project's own are called, others leave the function as it is."""
    node = decorator.decorator
    if isinstance(node, cst.Attribute) and node.attr.value in ACCESSORS:
        changed = with_accessor(evaluate(run, frame, node.value), node.attr.value, made)
        if changed is not None:
            return changed
    value = evaluate(run, frame, node)
    if isinstance(value, ExternalV):
        if value.name == "builtins.property" and not isinstance(made, FuncV):
            return made_property(Args((made,)))
        if value.name in MAKERS:
            return make_generic(made, value.name)
        if isinstance(made, FuncV) and value.name == "contextlib.contextmanager":
            made.core.manager = True
        if isinstance(made, FuncV) and value.name in _CACHES:
            made.core.memo = BagV("memo")
        if isinstance(made, FuncV) and value.name in _KINDS:
            made.core.kind = _KINDS[value.name]
        note_decorator(made, value, value.name)
        return made
    if isinstance(value, CasesV) or (isinstance(value, BagV) and value.kind == FIXTURE):
        note_decorator(made, value, "")
        return made
    if isinstance(value, BagV) and value.kind == "click-option":
        apply_option(made, value)
        return made
    if _is_called(value):
        result = run.call(value, Args((made,)), Place(frame.chunk, decorator))
        return made if isinstance(result, (Unknown, ExternalV, MethodV)) else result
    return made


def _is_called(decorator: Value) -> bool:
    """Whether a decorator is the project's own: a function, or what makes or is something to call."""
    if isinstance(decorator, ClassV):
        return any(own_method(decorator, name) is not None for name in ("__call__", "__get__"))
    if isinstance(decorator, MethodV):
        return decorator.base == GENERIC
    return isinstance(decorator, (FuncV, BoundV, PartialV)) or defines(decorator, "__call__")


def class_(run: Run, frame: Frame, node: cst.ClassDef) -> None:
    run.state.write(frame, node.name.value, built_class(run, frame, node))


def built_class(run: Run, frame: Frame, node: cst.ClassDef) -> Value:
    """The class that a statement defines, decorated."""
    made, keywords = build_class(run, frame, node)
    return _decorated_class(run, frame, made, finish_class(run, made, keywords))


def _decorated_class(run: Run, frame: Frame, made: ClassV, value: Value) -> Value:
    """What the decorators of a class make of ``value``, which its metaclass made of it."""
    names = []
    for decorator in reversed(made.node.decorators):
        inner = decorator.decorator
        target = evaluate(run, frame, inner.func if isinstance(inner, cst.Call) else inner)
        if isinstance(target, ExternalV):
            names.append(target.name)
        elif isinstance(target, (FuncV, BoundV, PartialV, InstanceV)):
            result = run.call(evaluate(run, frame, inner), Args((value,)), Place(frame.chunk, decorator))
            value = value if isinstance(result, Unknown) else result
    made.decorators = tuple(names)
    return value


def pending(run: Run, frame: Frame, chunk: Chunk) -> PendingV:
    """A definition at the top of a module, run when it is first asked for, as the module would."""

    def make() -> Value:
        before, frame.chunk = frame.chunk, chunk
        path, run.state.path = run.state.path, {}
        nesting, run.nesting = run.nesting, 0
        try:
            with run.state.unsure():
                if chunk.members:
                    return finish_class(run, *_class_in_parts(run, frame, chunk))
                node = chunk.body[0]
                if isinstance(node, cst.ClassDef):
                    return built_class(run, frame, node)
                assert isinstance(node, cst.FunctionDef)
                return built_function(run, frame, node)
        finally:
            frame.chunk, run.state.path, run.nesting = before, path, nesting

    return PendingV(make, chunk)


def class_in_parts(run: Run, frame: Frame, chunk: Chunk) -> None:
    """A large class that can't wait as a whole: what it defines does."""
    made, keywords = _class_in_parts(run, frame, chunk)
    finished = finish_class(run, made, keywords)
    run.state.write(frame, made.name, _decorated_class(run, frame, made, finished))


def _class_in_parts(run: Run, frame: Frame, chunk: Chunk) -> tuple[ClassV, dict[str, Value]]:
    """A class and the keywords of its statement. Each method is parsed when something asks for it."""
    header = chunk.header()
    frame.chunk = header
    node = header.body[0]
    assert isinstance(node, cst.ClassDef)
    made = ClassV(node.name.value, frame.module, header, node)
    made.bases, meta = _bases(run, frame, node)
    decorators = [evaluate(run, frame, _callee(decorator)) for decorator in node.decorators]
    made.decorators = tuple(value.name for value in decorators if isinstance(value, ExternalV))
    scope = Frame(frame.module, header, frame, cls=made)
    parts: dict[str, list[Chunk]] = {}
    for member in chunk.members:
        if member.name:
            parts.setdefault(member.name, []).append(chunk.part(member))
    for member in chunk.members:
        if member.name:
            scope.slots.setdefault(member.name, _part(run, scope, made, member.name, parts[member.name]))
        elif not member.idle:
            _run_part(run, scope, chunk.part(member))
    made.slots.update(scope.slots)
    return made, {**meta, **_keywords(run, frame, node)}


_WITH_METACLASS = frozenset({"six.with_metaclass", "future.utils.with_metaclass"})


def _bases(run: Run, frame: Frame, node: cst.ClassDef) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """What a class derives from, and its metaclass where one of these says so:
    ``six.with_metaclass(Meta, Base)``."""
    given = [arg.value for arg in node.bases if not arg.star]
    call = given[0] if len(given) == 1 and isinstance(given[0], cst.Call) else None
    function = evaluate(run, frame, call.func) if call is not None and len(call.args) > 0 else None
    if call is None or not isinstance(function, ExternalV) or function.name not in _WITH_METACLASS:
        return tuple(evaluate(run, frame, base) for base in given), {}
    meta, *bases = (evaluate(run, frame, arg.value) for arg in call.args if not arg.star)
    return tuple(bases), {"metaclass": meta}


def _run_part(run: Run, scope: Frame, chunk: Chunk) -> None:
    """Run a statement of a class body."""
    from fromlogits_audit.interp.execute import run_block

    before, scope.chunk = scope.chunk, chunk
    run_block(run, scope, chunk.body)
    scope.chunk = before


def _callee(decorator: cst.Decorator) -> cst.BaseExpression:
    return decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator


def _part(run: Run, scope: Frame, made: ClassV, name: str, chunks: list[Chunk]) -> PendingV:
    """All definitions of one name in a class body, run in order when the name is asked for."""

    def make() -> Value:
        path, run.state.path = run.state.path, {}
        nesting, run.nesting = run.nesting, 0
        inner = Frame(scope.module, scope.chunk, scope.parent, cls=made)
        inner.slots.update({key: value for key, value in scope.slots.items() if key != name})
        try:
            with run.state.unsure():
                for chunk in chunks:
                    _run_part(run, inner, chunk)
        finally:
            run.state.path, run.nesting = path, nesting
        value = inner.slots.get(name, ExternalV("builtins.object"))
        tell_name(run, made, name, value)
        return value

    return PendingV(make, chunks[-1])


def _keywords(run: Run, frame: Frame, node: cst.ClassDef) -> dict[str, Value]:
    """``metaclass=Registry, name="soft"`` of a class statement."""
    return {
        arg.keyword.value: evaluate(run, frame, arg.value) for arg in node.keywords if arg.keyword is not None
    }


def build_class(run: Run, frame: Frame, node: cst.ClassDef) -> tuple[ClassV, dict[str, Value]]:
    """Run the class body and make the class; with it go the keywords of its statement."""
    from fromlogits_audit.interp.execute import run_block

    made = ClassV(node.name.value, frame.module, frame.chunk, node)
    made.bases, meta = _bases(run, frame, node)
    scope = Frame(frame.module, frame.chunk, frame, cls=made)
    with run.state.unsure():
        run_block(run, scope, node.body.body)
    for key, value in scope.slots.items():
        made.slots[key] = value
    return made, {**meta, **_keywords(run, frame, node)}
