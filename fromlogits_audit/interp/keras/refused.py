"""Losses that raise where they are built or called: keywords that do not fit, names that Keras does not have.

Each is a site all the same, an undecided one: a site is never dropped in silence, and what such a program
would compute is nothing to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit import regex
from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec
from fromlogits_audit.catalogue.losses import LOSS_FUNCTIONS, LOSSES, loss_class, loss_function
from fromlogits_audit.catalogue.rows import params
from fromlogits_audit.interp.keras_values import LossV, TensorV, data_tensor
from fromlogits_audit.interp.names import STAR
from fromlogits_audit.interp.values import Args, Place, Unknown, Value
from fromlogits_audit.ir import Family, Form, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_SOURCE = "keras.src."
_ANYWHERE = frozenset(name for spec in LOSSES for name in spec.parameters.names) - {"from_logits"} | {"fn"}
"""Parameters of one loss are parameters of another in some release of Keras; the flag never is."""
_OF_CALLS = frozenset(name for spec in LOSS_FUNCTIONS for name in spec.parameters.names)
_CLASS = regex.later(r"keras\.losses\.(?!Loss|Reduction)[A-Z]\w*")
_FUNCTION = regex.later(
    r"keras\.losses\.\w*(?:dice|diverg|entropy|error|focal|hinge|huber|loss|poisson|tversky)\w*"
    r"|tf\.nn\.\w*entropy\w*"
)
"""What is called like a loss: losses have helpers that are given labels and predictions, too."""


def refused_construction(spec: LossSpec, args: Args) -> Undecided | None:
    """Why a loss of Keras cannot be built: ``CategoricalCrossentropy(from_logit=True)``."""
    known = {*spec.parameters.names, *_ANYWHERE}
    wrong = [name for name in args.keywords if name not in known]
    return _no_parameter(wrong, spec.name) if wrong and spec.source.startswith(_SOURCE) else None


def refused_call(spec: LossFunctionSpec, args: Args, predicted: Value | None) -> Undecided | None:
    """Why a call of a loss function raises: it is given no predictions, or a keyword that none has."""
    name = spec.name.rpartition(".")[2]
    if predicted is None:
        unknown = [key for key in args.keywords if key not in spec.parameters.names]
        return _no_parameter(unknown, name) if unknown else _no_loss(f"{name} is given no {spec.predictions}")
    wrong = [key for key in args.keywords if key not in _OF_CALLS]
    return _no_parameter(wrong, name) if wrong and spec.source.startswith(_SOURCE) else None


def _no_parameter(names: list[str], of: str) -> Undecided:
    return _no_loss(f"{of} has no parameter {', '.join(names)}")


def _no_loss(detail: str) -> Undecided:
    return Undecided(Why.UNSUPPORTED, detail)


def misspelt(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """A call of what would be a loss by its name, and is none that Keras has."""
    if _CLASS.fullmatch(name):
        made = _unheard_of(name, Form.INSTANCE, place, _no_loss(f"Keras has no {name.rpartition('.')[2]}"))
        run.recorder.note_built(made)
        return made
    tensors = [value for value in args.all() if isinstance(value, TensorV)]
    if tensors and len(args.all()) > 1 and _FUNCTION.fullmatch(name):
        run.recorder.meet(_unheard_of(name, Form.CALL, place, _no_loss(f"there is no {name}")), tensors[-1])
        return data_tensor(())
    return None


def by_its_name(run: Run, function: Unknown, args: Args, place: Place | None) -> Value | None:
    """A call of something out of code that nobody sees, which is called like a cross-entropy of Keras."""
    key = function.key
    if not (isinstance(key, tuple) and len(key) == 3 and key[0] in ("attribute", STAR)) or place is None:
        return None
    name = str(key[2])
    spec = loss_class(f"keras.losses.{name}")
    if spec is not None and spec.has_flag:
        made = _unheard_of(name, Form.INSTANCE, place, function.reason)
        run.recorder.note_built(made)
        return made
    called = loss_function(f"keras.losses.{name}") or loss_function(f"tf.nn.{name}")
    tensors = [value for value in args.all() if isinstance(value, TensorV)]
    if called is None or not (called.has_flag or called.always_logits) or not tensors:
        return None
    run.recorder.meet(_unheard_of(name, Form.CALL, place, function.reason), tensors[-1])
    return data_tensor(())


def _unheard_of(name: str, form: Form, place: Place, reason: Undecided) -> LossV:
    spec = LossSpec(f"custom:{name.rpartition('.')[2]}", Family.UNKNOWN, "", params(""))
    return LossV(spec, None, form, place, refused=reason)
