"""``RNN``: a cell, run over the time steps of a sequence; what gates and two directions leave of a scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.catalogue.layers_recurrent import GATED, KEPT_BY_MERGE_MODE
from fromlogits_audit.interp.choice import lift
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras_values import LayerV, TensorV, data_tensor
from fromlogits_audit.interp.values import ALWAYS, Args, Const, ListV, Place, TupleV, Value
from fromlogits_audit.ir import Scale, Undecided, Why

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


def behind_gates(result: Value, short: str) -> Value:
    """What an LSTM or a GRU gives of a softmax: its gates leave numbers in [0, 1] that do not sum to one."""
    if not short.startswith(GATED):
        return result
    reason = Undecided(Why.COMBINED, f"a softmax behind the gates of {short}")
    kept = tuple(scale for scale in Scale if scale is not Scale.PROBABILITIES)
    return lift(result, ALWAYS, lambda value: _unless(value, kept, reason))


def both_ways(result: Value, mode: Value | None) -> Value:
    """The outputs of both directions, joined by the ``merge_mode`` of ``Bidirectional``."""
    how = "concat" if mode is None else mode.value if isinstance(mode, Const) else "unknown"
    reason = Undecided(Why.COMBINED, f"both directions joined by {how}")
    return lift(result, ALWAYS, lambda value: _unless(value, KEPT_BY_MERGE_MODE.get(how, ()), reason))


def _unless(value: Value, kept: tuple[Scale, ...], reason: Undecided) -> Value:
    """A tensor of one of these scales as it is, any other without its scale."""
    if not isinstance(value, TensorV) or value.scale in kept:
        return value
    return opaque(value, reason)
