"""``tf.TensorArray``: a list of tensors, in the order in which they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import get_item
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import NONE, Args, BagV, Const, ExternalV, ListV, MethodV, Place, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

KIND = "tensor-array"
_JOINED = {"stack": "tf.stack", "gather": "tf.stack", "concat": "tf.concat"}
_TAKEN_APART = {"unstack": 0, "scatter": 1, "split": 0}
"""Methods that write each part of a tensor, and which argument that is."""
_SAME = ("identity", "mark_used")


def new_array(run: Run, name: str, args: Args, place: Place) -> Value | None:
    return BagV(KIND, tensors=ListV())


def call_method(run: Run, array: BagV, name: str, args: Args, place: Place | None) -> Value | None:
    """A method of an array; what writes to it gives the array itself."""
    tensors = array.slots["tensors"]
    some = run.state.fresh(Why.RUNTIME, "a position in a TensorArray")
    if name == "write":
        run.call(MethodV(tensors, "append"), Args((args.get(1, "value") or NONE,)), place)
    elif name in _TAKEN_APART:
        whole = args.get(_TAKEN_APART[name], "value")
        part = run.keras.index(run, whole, some) if isinstance(whole, TensorV) else some
        run.state.write(array, "tensors", ListV((part,), open=True))
    elif name in _JOINED:
        return run.call(ExternalV(_JOINED[name]), Args((tensors, Const(0))), place)
    elif name == "read":
        return get_item(run, tensors, some)  # positions need not be written in their order
    elif name not in _SAME:
        return None
    return array
