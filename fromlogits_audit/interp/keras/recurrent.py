"""``RNN``: a cell, run over the time steps of a sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import lift
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras_values import LayerV, TensorV, data_tensor
from fromlogits_audit.interp.values import Args, Const, ListV, Place, TupleV, Value
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def run_cell(run: Run, layer: LayerV, place: Place | None) -> Value:
    """What ``RNN(cell)`` gives: the cell's output at the last step, or at all; its states on demand.

    A cell of one's own returns ``(output, states)``, one of Keras is a layer here whose result
    is the output.
    """
    cell = _last(run, layer.slots.get("cell"))
    if cell is None:
        return TensorV(reason=Undecided(Why.OPAQUE_LAYER, "the cell of an RNN"))
    states = TupleV((data_tensor(what="the state of a recurrent layer"),), open=True)
    step = run.call(cell, Args((data_tensor((None, None)), states)), place or layer.place)
    output = lift(step, run.state.guard, lambda one: _output(run, layer, one))
    if _flag(layer, "return_state") is False:
        return output
    return ListV((output, data_tensor(what="the state of a recurrent layer")), open=True)


def _last(run: Run, cell: Value | None) -> Value | None:
    """The cell whose output counts: the last of several that are stacked."""
    if isinstance(cell, LayerV) and cell.spec.name.endswith(".StackedRNNCells"):
        cell = cell.slots.get("cells")
    content = content_of(run, cell) if cell is not None else None
    if isinstance(content, TupleV):
        return content.items[-1] if content.items and not content.open else None
    return cell


def _output(run: Run, layer: LayerV, step: Value) -> Value:
    content = content_of(run, step)
    if isinstance(content, TupleV) and content.items:
        content = content.items[0]
    if not isinstance(content, TensorV) or content.shape is None or _flag(layer, "return_sequences") is False:
        return content
    known = _flag(layer, "return_sequences")
    return replace(content, shape=(content.shape[0], None, *content.shape[1:]) if known else None)


def _flag(layer: LayerV, name: str) -> bool | None:
    """A switch of the layer, None where it is not known."""
    value = layer.slots.get(name)
    return False if value is None else bool(value.value) if isinstance(value, Const) else None
