"""``get_config``, ``from_config`` and their JSON: a model, layer or loss written down and built again.

A config is a dict that remembers what it was taken from. A layer or loss is built from the dict as it is
then, edits and all; a model is the same model once more, as long as nobody looks into the dict.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.activations import activation_function
from fromlogits_audit.interp.classes import find_member
from fromlogits_audit.interp.functions import REST, keyword_names
from fromlogits_audit.interp.items import WRITTEN_OF, content_of
from fromlogits_audit.interp.keras.cloning import clone
from fromlogits_audit.interp.keras_values import LayerV, LossV, ModelV
from fromlogits_audit.interp.keys import UNMADE
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    ClassV,
    Const,
    DictV,
    Entries,
    ExternalV,
    FuncV,
    InstanceV,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_OF_ALL = ("name", "dtype")
"""What every layer may be given."""
_MODEL_READERS = (
    "keras.models.model_from_json",
    "keras.models.model_from_config",
    "keras.Model.from_config",
    "keras.Sequential.from_config",
)


def config_of(value: Value) -> DictV | None:
    """``value.get_config()``; None where it is nothing that is written down."""
    if isinstance(value, ModelV):
        config = _unread("a model", DictV(open=True))
    elif isinstance(value, LossV):
        config = DictV(_flag(value), open=True)
    elif isinstance(value, LayerV):
        config = DictV(_options(value))
    else:
        return None
    config.slots[WRITTEN_OF] = value
    return config


def base_config(run: Run, instance: InstanceV, base: str) -> DictV | None:
    """``super().get_config()`` in a class of the project that has a ``get_config`` of its own.

    Of a plain layer, model, loss or metric it holds nothing but the likes of its name.
    """
    for slot in ("$layer", "$loss"):
        made = instance.slots.get(slot)
        if isinstance(made, (LayerV, LossV)):
            return config_of(made)
    if base not in _PLAIN or find_member(instance.cls, "get_config") is None:
        return None
    return _unread(base, DictV(open=True))


def _unread(of: str, config: DictV) -> DictV:
    """A config of which nothing is known."""
    config.slots[REST] = Unknown(Undecided(Why.RUNTIME, f"the config of {of}"), (UNMADE, id(config)))
    return config


_PLAIN = ("keras.layers.Layer", "keras.Model", "keras.losses.Loss", "keras.metrics.Metric")


def _flag(loss: LossV) -> dict[Hashable, tuple[Value, Value]]:
    if loss.from_logits is None:
        return {}
    return {"from_logits": (Const("from_logits"), loss.from_logits)}


def _options(layer: LayerV) -> dict[Hashable, tuple[Value, Value]]:
    """What a layer was given, and the plain defaults of what it was not."""
    parameters = layer.spec.parameters
    given = {name: layer.slots[name] for name in (*parameters.names, *_OF_ALL) if name in layer.slots}
    for name in parameters.names:
        default = parameters.default(name)
        if name not in given and isinstance(default, (str, int, float, bool, type(None))):
            given[name] = Const(default)
    if layer.spec.activation in given:
        given[layer.spec.activation] = _written(given[layer.spec.activation])
    return {name: (Const(name), value) for name, value in given.items()}


def _written(activation: Value) -> Value:
    """An activation as Keras writes it down: by name, also where none was given."""
    if isinstance(activation, Const) and activation.value is None:
        return Const("linear")
    spec = activation_function(activation.name) if isinstance(activation, ExternalV) else None
    return Const(spec.name) if spec is not None else activation


def instance_from(run: Run, cls: ClassV, args: Args, place: Place | None) -> Value:
    """``from_config`` as a layer or model of the project inherits it: ``cls(**config)``.

    What is not known to stand in the config is not left out of it: no default holds then.
    """
    content = content_of(run, args.get(0, "config") or NONE)
    known = isinstance(content, Entries) and isinstance((find_member(cls, "get_config") or (0, 0))[1], FuncV)
    items = content.items if isinstance(content, Entries) else {}
    keywords = {str(key): value for key, (_, value) in items.items()}
    if not known:
        unknown = run.state.fresh(Why.RUNTIME, f"the config that {cls.name} is made from")
        own = find_member(cls, "__init__")
        names = keyword_names(own[1].core) if own is not None and isinstance(own[1], FuncV) else ()
        keywords = {**{name: Unknown(unknown.reason, (unknown.key, name)) for name in names}, **keywords}
    return run.call(cls, Args((), keywords), place)


def from_config(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``Dense.from_config(config)``, ``model_from_json(text)``; None where the config is not known."""
    config = args.get(0, "config") or args.get(0, "json_string") or NONE
    if not isinstance(config, DictV):
        return None
    source = config.slots.get(WRITTEN_OF)
    if name in _MODEL_READERS:
        return clone(source, place) if isinstance(source, ModelV) else source
    content = content_of(run, config)
    if not name.endswith(".from_config") or not isinstance(content, Entries):
        return None
    if content.open and not isinstance(source, LossV):
        return None
    keywords = {str(key): value for key, (_, value) in content.items.items()}
    return run.call(ExternalV(name.removesuffix(".from_config"), place), Args((), keywords), place)
