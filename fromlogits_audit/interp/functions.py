"""Functions of the project: making them, binding their parameters, running their bodies."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import choose
from fromlogits_audit.interp.errands import go, is_errand
from fromlogits_audit.interp.keys import UNMADE, begins
from fromlogits_audit.interp.recursion import give_up, is_too_deep
from fromlogits_audit.interp.state import MAX_DEPTH, Frame
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    Const,
    DictV,
    FuncCore,
    FuncV,
    IterV,
    ManagerV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.interp.walk import nodes
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


REST = "$rest"
"""In the dict of a ``**kwargs``: what else is in it, where that is not known."""


def is_unmade(rest: Unknown) -> bool:
    """Whether unknown arguments are those of an object that no visible code makes."""
    return begins(rest.key, UNMADE)


def make_function(
    run: Run,
    frame: Frame,
    node: cst.FunctionDef | cst.Lambda,
    name: str,
    evaluate: Callable[[cst.CSTNode], Value],
) -> FuncV:
    """A function value; defaults are evaluated now, as Python does."""
    params = node.params
    defaults = {
        param.name.value: evaluate(param.default)
        for param in named_parameters(params)
        if param.default is not None
    }
    core = FuncCore(name, frame.module, frame.chunk, frame, node, defaults)
    run.functions.append(core)
    return FuncV(core, Place(frame.chunk, node) if isinstance(node, cst.Lambda) else None)


def _yields(core: FuncCore) -> bool:
    """Whether the function is a generator whose yields were not reached."""
    if core.generator is None:
        may = "yield" in core.chunk.text and isinstance(core.node, cst.FunctionDef)
        inside = nodes(core.node.body, cst.FunctionDef, cst.Lambda) if may else ()
        core.generator = any(isinstance(node, cst.Yield) for node in inside)
    return core.generator


def _runs_at_once(core: FuncCore) -> bool:
    """Whether a call runs the body: one of a generator or of a coroutine does not."""
    node = core.node
    waits = isinstance(node, cst.FunctionDef) and node.asynchronous is not None
    return not waits and not _yields(core)


def text_of(core: FuncCore) -> str:
    """The text of a function's definition."""
    if core.text is None:
        core.text = core.chunk.text if core.chunk.holds_only(core.node) else core.chunk.code_of(core.node)
    return core.text


def named_parameters(params: cst.Parameters) -> tuple[cst.Param, ...]:
    """All but ``*args`` and ``**kwargs``."""
    return (*params.posonly_params, *params.params, *params.kwonly_params)


def parameters(core: FuncCore) -> list[str]:
    """Names of the positional parameters, ``self`` included."""
    params = core.node.params
    return [p.name.value for p in (*params.posonly_params, *params.params)]


def keyword_names(core: FuncCore) -> list[str]:
    """Names of what a method may be given by name, without its receiver."""
    return [*parameters(core)[1:], *(p.name.value for p in core.node.params.kwonly_params)]


def invoke(
    run: Run,
    core: FuncCore,
    args: Args,
    receiver: Value | None = None,
    *,
    assumed: bool = False,
    at_yield: Callable[[Value], None] | None = None,
) -> Value:
    """Run a function body with arguments. ``assumed``: nothing calls it; parameters are unknown.

    ``at_yield`` is run wherever it yields: the body of a ``with``.
    """
    if core.manager and at_yield is None and not assumed:
        return ManagerV(core, args, receiver)
    if core.memo is not None and not assumed:
        return _kept(run, core, core.memo, args, receiver)
    return _run(run, core, args, receiver, assumed=assumed, at_yield=at_yield)


def _kept(run: Run, core: FuncCore, memo: BagV, args: Args, receiver: Value | None) -> Value:
    """What a function gave for its arguments before; it is run where it has not been."""
    from fromlogits_audit.interp.equality import dict_key

    names = sorted(args.keywords)
    given = (*args.positional, *(args.keywords[name] for name in names))
    keys = [("object", id(receiver))] if core.kind == "property" else [dict_key(value) for value in given]
    if None in keys or args.star is not None or args.double is not None:
        return _run(run, core, args, receiver)
    key = (tuple(keys), tuple(names))
    if key not in memo.slots:
        # The arguments are kept, so that no other object gets the identity of one of them.
        run.state.write(memo, key, TupleV((_run(run, core, args, receiver), *given)))
    kept = memo.slots[key]
    return kept.items[0] if isinstance(kept, TupleV) else kept


def _run(
    run: Run,
    core: FuncCore,
    args: Args,
    receiver: Value | None,
    *,
    assumed: bool = False,
    at_yield: Callable[[Value], None] | None = None,
) -> Value:
    if (run.state.cut and not assumed) or len(run.state.stack) >= MAX_DEPTH:
        core.left_out = True
        unknown = run.state.fresh(Why.LIMIT, f"{core.name} is called where the program is too long to follow")
        run.keras.left_out(run, args, unknown.reason)
        return unknown
    if not core.module.is_apart:
        run.state.rejoin()
    elif at_yield is None and not assumed and is_errand(run, core, args, receiver):
        given = args.all() if receiver is None else (*args.all(), receiver)
        return go(run, core, given, lambda: _enter(run, core, args, receiver))
    return _enter(run, core, args, receiver, assumed=assumed, at_yield=at_yield)


def _enter(
    run: Run,
    core: FuncCore,
    args: Args,
    receiver: Value | None,
    *,
    assumed: bool = False,
    at_yield: Callable[[Value], None] | None = None,
) -> Value:
    core.entered = True
    depth = run.state.stack.count(core)
    if is_too_deep(run, core, args, depth):
        return give_up(run, core, args, receiver)
    if depth == 1:
        core.log = run.state.begin()
    frame = Frame(core.module, core.chunk, core.closure, core=core, receiver=receiver, cls=core.owner)
    frame.at_yield, frame.path, frame.assumed = at_yield, run.state.path, assumed
    bind(run, core, args, frame, assumed=assumed)
    run.state.stack.append(core)
    nesting, run.nesting = run.nesting, 0
    catchers = run.state.catchers
    if catchers:
        through = run.state.follows is core and at_yield is None and _runs_at_once(core)
        run.state.catchers, run.state.follows = catchers if through else (), None
    try:
        return _body(run, core, frame)
    finally:
        run.state.catchers = catchers
        run.nesting = nesting
        run.state.stack.pop()
        if depth == 1:
            core.log = None
            run.state.keep()


def _body(run: Run, core: FuncCore, frame: Frame) -> Value:
    from fromlogits_audit.interp.evaluate import evaluate
    from fromlogits_audit.interp.execute import run_block

    if isinstance(core.node, cst.Lambda):
        return evaluate(run, frame, core.node.body)
    outcome = run_block(run, frame, core.node.body.body)
    if frame.yields or _yields(core):
        return _generator(run, core, frame)
    returns = list(outcome.returns)
    if outcome.falls:
        returns.append((run.state.guard, NONE))
    elif not returns:
        if outcome.raised is not None:
            from fromlogits_audit.interp.raising import throw

            throw(run, outcome.raised)
        # What follows the call would never run: it is judged all the same, by nothing that is certain.
        return run.state.fresh(Why.RUNTIME, f"a call of {core.name}, which raises an error")
    return choose(returns)


def _generator(run: Run, core: FuncCore, frame: Frame) -> IterV:
    if not frame.yields:
        return IterV(run.state.fresh(Why.RUNTIME, "a generator"), "generator")
    from fromlogits_audit.interp.items import thinned

    items = thinned(run, frame.yields)
    items = TupleV(items.items, items.open or not _straight(core.node))
    return IterV(items.items[-1], "generator", items)


def _straight(node: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether every run of a function passes the same yields, in the same order."""
    body = node.body.body if isinstance(node, cst.FunctionDef) else ()
    return all(isinstance(statement, cst.SimpleStatementLine) for statement in body)


def bind(run: Run, core: FuncCore, args: Args, frame: Frame, *, assumed: bool) -> None:
    """Give every parameter a value: the argument, the default, or unknown with the reason."""
    params = core.node.params
    names = parameters(core)
    keywords = dict(args.keywords)
    for name, value in zip(names, args.positional, strict=False):
        frame.slots[name] = value
    surplus = args.positional[len(names) :]
    if run.state.catchers and _does_not_fit(params, names, args):
        from fromlogits_audit.interp.raising import throw_builtin

        throw_builtin(run, "TypeError")
    for param in named_parameters(params):
        name = param.name.value
        if name in keywords:
            frame.slots[name] = keywords.pop(name)
        elif name not in frame.slots:
            frame.slots[name] = _missing(run, core, name, args, assumed=assumed)
    if isinstance(params.star_arg, cst.Param):
        frame.slots[params.star_arg.name.value] = TupleV(surplus, args.star is not None or assumed)
    if params.star_kwarg is not None:
        items: dict[Hashable, tuple[Value, Value]] = {k: (Const(k), v) for k, v in keywords.items()}
        frame.slots[params.star_kwarg.name.value] = rest = DictV(items, args.double is not None)
        if args.double is not None:
            rest.slots[REST] = args.double


def _does_not_fit(params: cst.Parameters, names: list[str], args: Args) -> bool:
    """Whether a call gives more than a function takes, which raises a TypeError."""
    many = len(args.positional) > len(names) and not isinstance(params.star_arg, cst.Param)
    known = {*names, *(param.name.value for param in params.kwonly_params)}
    return many or (params.star_kwarg is None and not known.issuperset(args.keywords))


def is_refused(run: Run, frame: Frame, test: cst.CSTNode) -> bool:
    """Whether a function that nothing calls raises an error for a default: what is given is another value."""
    core = frame.core
    if core is None or not frame.assumed:
        return False
    refused = {
        node.value for node in nodes(test, cst.Name) if isinstance(node, cst.Name)
    } & core.defaults.keys()
    for name in sorted(refused):
        reason = Undecided(Why.PARAMETER, f"parameter {name} of {core.name}, which no visible caller gives")
        run.state.write(frame, name, Unknown(reason, ("parameter", id(core), name)))
    return bool(refused)


def _missing(run: Run, core: FuncCore, name: str, args: Args, *, assumed: bool) -> Value:
    if name in core.options:
        return core.options[name]
    rest = args.star or args.double
    if name in core.defaults and (rest is None or is_unmade(rest)):
        return core.defaults[name]
    if rest is not None:
        return Unknown(rest.reason, ("argument", rest.key, name))
    detail = f"parameter {name} of {core.name}"
    detail += ", which no visible caller gives" if assumed else ", which this call does not give"
    return Unknown(Undecided(Why.PARAMETER, detail), ("parameter", id(core), name))
