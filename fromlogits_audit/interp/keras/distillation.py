"""``keras.distillation``: a model that is trained in the place of its student."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.keras import models
from fromlogits_audit.interp.keras_values import ModelV
from fromlogits_audit.interp.values import Args, Const, InstanceV, Place, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def distiller(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``Distiller(teacher, student, ...)``: its output is the student's, which the compiled loss meets.

    With a ``student_loss_weight`` of 0 that loss is never computed.
    """
    student, weight = args.get(1, "student"), args.get(4, "student_loss_weight")
    if not isinstance(student, (ModelV, InstanceV)) or (isinstance(weight, Const) and not weight.value):
        return None
    model = ModelV("functional", place)
    model.slots["$outputs"] = models.outputs_of(run, student, place)
    model.slots["student"] = student
    return model
