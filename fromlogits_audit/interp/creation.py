"""How classes and instances come to be: ``__init_subclass__``, metaclasses, ``__new__``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import (
    enum_by_value,
    external_bases,
    fill_record,
    is_enum,
    is_named,
    is_record,
    own_method,
    resolution_order,
)
from fromlogits_audit.interp.descriptors import tell_name
from fromlogits_audit.interp.dicts import OWNER
from fromlogits_audit.interp.functions import invoke, keyword_names
from fromlogits_audit.interp.raising import throw_builtin
from fromlogits_audit.interp.values import (
    Args,
    Choice,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncCore,
    InstanceV,
    Place,
    TupleV,
    Unknown,
    Value,
    forced,
)
from fromlogits_audit.interp.wrapped import furnish

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def _method(cls: ClassV, name: str, after: ClassV | None = None) -> FuncCore | None:
    """A method that the program defines for a class."""
    own = own_method(cls, name, after)
    return own.core if own is not None else None


def _with_first(first: Value, args: Args) -> Args:
    return Args((first, *args.positional), args.keywords, args.star, args.double)


# -- classes -----------------------------------------------------------------------------------
def finish_class(run: Run, made: ClassV, keywords: dict[str, Value]) -> Value:
    """What a class statement gives, once its body has run: the metaclass and the classes above have a say.

    ``keywords`` are those of the statement.
    """
    run.classes.append(made)
    given = keywords.pop("metaclass", None)
    above = (base.meta for base in made.bases if isinstance(base, ClassV) and base.meta is not None)
    made.meta = given if isinstance(given, ClassV) else next(above, None)
    run.intercepting = run.intercepting or "__getattribute__" in made.slots
    run.describing = run.describing or "__set__" in made.slots
    for name, value in list(made.slots.items()):
        if isinstance(name, str):
            tell_name(run, made, name, value)
    result = _by_metaclass(run, made, made.meta, keywords) if made.meta is not None else made
    hook = _method(made, "__init_subclass__", after=made)
    if hook is not None:
        invoke(run, hook, Args((made,), keywords), made)
    if made.meta is not None or hook is not None or "__init_subclass__" in made.slots:
        run.hooked.add(made.name)
    return result


def _by_metaclass(run: Run, made: ClassV, meta: ClassV, keywords: dict[str, Value]) -> Value:
    """What a metaclass of the program makes of a class: it is given the namespace, and may change it."""
    new, init = _method(meta, "__new__"), _method(meta, "__init__")
    if new is None and init is None:
        return made
    slots = {name: forced(held) for name, held in list(made.slots.items()) if isinstance(name, str)}
    namespace = DictV({name: (Const(name), held) for name, held in slots.items()})
    namespace.slots[OWNER] = made
    described = (Const(made.name), TupleV(made.bases), namespace)
    result = invoke(run, new, Args((meta, *described), keywords), meta) if new is not None else made
    if init is not None and result is made:
        invoke(run, init, Args((made, *described), keywords), made)
    return result


_TYPED_DICTS = frozenset(("typing.TypedDict", "typing_extensions.TypedDict"))


# -- instances ---------------------------------------------------------------------------------
def instantiate(run: Run, cls: ClassV, args: Args, place: Place | None) -> Value:
    """``cls(...)``, which a metaclass may answer in its own way."""
    if is_enum(cls) and args.positional:
        return _member_of(run, cls, args.positional[0])
    if not _TYPED_DICTS.isdisjoint(external_bases(cls)):
        return run.call(ExternalV("builtins.dict"), args, place)
    answer = _method(cls.meta, "__call__") if cls.meta is not None else None
    if answer is not None:
        return invoke(run, answer, _with_first(cls, args), cls)
    return construct(run, cls, args, place)


def _member_of(run: Run, cls: ClassV, value: Value) -> Value:
    """``Kind("binary")``: an error where no member has that value."""
    member = enum_by_value(run, cls, value)
    if isinstance(member, Unknown) and isinstance(value, Const) and _method(cls, "_missing_") is None:
        throw_builtin(run, "ValueError")
    return member


def construct(run: Run, cls: ClassV, args: Args, place: Place | None) -> Value:
    """What ``type.__call__`` does: ``__init__`` sets up what ``__new__`` gives, an old instance perhaps."""
    new = _method(cls, "__new__")
    if new is None or (is_record(cls) and not is_named(cls)):
        return _set_up(run, InstanceV(cls), args, place)
    made = invoke(run, new, _with_first(cls, args), cls)
    if not isinstance(made, Choice):
        return _set_up_if(run, cls, made, args, place)
    options = alternatives(made, run.state.guard)
    return run.state.fork(options, lambda option: _set_up_if(run, cls, option, args, place))


def _set_up_if(run: Run, cls: ClassV, made: Value, args: Args, place: Place | None) -> Value:
    """``__init__`` runs on what ``__new__`` gave where that is an instance of the class."""
    if isinstance(made, InstanceV) and cls in resolution_order(made.cls):
        return _set_up(run, made, args, place)
    return made


def _set_up(run: Run, instance: InstanceV, args: Args, place: Place | None) -> Value:
    """Run the constructor; Keras bases get their own treatment."""
    cls = instance.cls
    if not instance.known:
        instance.known, instance.place = True, place
        if len(cls.instances) < 12:
            cls.instances.append(instance)
        furnish(instance, external_bases(cls))
        run.keras.prepare_instance(run, instance, args)
    init = _method(cls, "__init__")
    if init is not None:
        invoke(run, init, _with_first(instance, args), instance)
    elif is_record(cls):
        if not is_named(cls) or _method(cls, "__new__") is None:
            fill_record(run, instance, args)
        post = _method(cls, "__post_init__")
        if post is not None:
            # What is declared as an InitVar is handed on by its name.
            given = {name: instance.slots[name] for name in keyword_names(post) if name in instance.slots}
            invoke(run, post, Args((instance,), given), instance)
    else:
        run.keras.construct_base(run, instance, external_bases(cls), args)
    return instance


# -- what ``super()`` leads to -------------------------------------------------------------------
def call_type(run: Run, receiver: Value, name: str, args: Args, place: Place | None) -> Value | None:
    """``super().__new__(cls)``, in a metaclass ``super().__call__(...)``, and others of their kind."""
    if not isinstance(receiver, ClassV):
        return None
    if name == "__new__":
        return allocate(run, args)
    if name == "__call__":
        return construct(run, receiver, args, place)
    return Const(None) if name in ("__init__", "__init_subclass__") else None


def allocate(run: Run, args: Args) -> Value | None:
    """A new instance of a class; of a metaclass, the class whose namespace it is given."""
    namespace = args.get(3, "namespace")
    if isinstance(namespace, DictV):
        return namespace.slots.get(OWNER)
    cls = args.positional[0] if args.positional else None
    if not isinstance(cls, ClassV):
        return None
    made = InstanceV(cls)
    if is_named(cls):
        fill_record(run, made, args.rest())
    return made
