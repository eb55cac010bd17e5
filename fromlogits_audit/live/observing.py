"""What the outputs of a running program are: by where they come from, by their graph, by their values."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fromlogits_audit.ir import Location, Output, Scale, Undecided, Why
from fromlogits_audit.live.calling import magnitudes, predicted
from fromlogits_audit.live.lineage import Lineage, named, tensor_of
from fromlogits_audit.live.measured import measure
from fromlogits_audit.live.runtime import library_of
from fromlogits_audit.live.structure import LiveOutput, flat
from fromlogits_audit.live.symbolic import led_back
from fromlogits_audit.saved.interface import to_output
from fromlogits_audit.saved.values import Tensor

Outputs = tuple[LiveOutput, ...]
_PLACE = Location("")
_UNSEEN = Undecided(Why.EXTERNAL, "what reached the loss was not seen to be made")


# -- by origin -----------------------------------------------------------------------------------
def output_of(lineage: Lineage, tensor: Any, name: str | None) -> Output | None:
    """What is known of a tensor's scale from the layers that made it; None where nobody saw it made."""
    found = _known(lineage, tensor)
    if found is None:
        made = lineage.of(tensor)
        found = tensor_of(made) if made is not None else None
    return to_output(found, _PLACE.path, name) if found is not None else None


def tensors_of(lineage: Lineage, result: Any) -> list[Tensor | None]:
    """What is known of every tensor in a structure, None where its scale is not."""
    return [_known(lineage, one) for one in flat(result)]


def _known(lineage: Lineage, tensor: Any) -> Tensor | None:
    def recorded(one: Any) -> Tensor | None:
        made = lineage.of(one)
        found = tensor_of(made) if made is not None else None
        return found if found is not None and found.scale is not Scale.UNKNOWN else None

    return recorded(tensor) or led_back(tensor, recorded)


def by_symbols(lineage: Lineage, model: Any, outputs: Outputs) -> dict[str | None, Output]:
    """The outputs of a graph of layers as they were seen while it was built, by name."""
    graph = getattr(model, "_functional", None) or model
    symbols = flat(getattr(graph, "outputs", None))
    if len(symbols) != len(outputs):
        return {}
    pairs = zip(outputs, symbols, strict=True)
    seen = {one.output.name: output_of(lineage, symbol, one.output.name) for one, symbol in pairs}
    return {name: output for name, output in seen.items() if output is not None}


def traced(lineage: Lineage, model: Any) -> dict[str | None, Output]:
    """The outputs of a graph of layers as a call on symbols shows them: no value is computed, no weight used.

    Keras 3 alone can call a model so. Layers of the program's own run once more, and print nothing.
    """
    graph = getattr(model, "_functional", None) or model
    inputs, backend = getattr(graph, "_inputs_struct", None), sys.modules.get("keras.src.backend")
    if inputs is None or backend is None or library_of(model) != "keras":
        return {}
    seen: dict[str | None, Output] = {}

    def call(given: Any) -> Any:
        result = model(given)
        for name, tensor in named(model, result):
            output = output_of(lineage, tensor, name)
            if output is not None:
                seen[name] = output
        return result

    try:
        with muted():
            backend.compute_output_spec(call, inputs)
    except Exception:
        # The program's own code need not work on symbols; its first batch will show what it returns.
        return {}
    return seen


# -- by values -----------------------------------------------------------------------------------
def from_values(output: Output, tensor: Any) -> Output:
    """An output that is not known otherwise, as its values show it, where it has values."""
    if output.known:
        return output
    return measure(LiveOutput("output", output), [tensor]).output


def emptied(outputs: Outputs) -> Outputs:
    """The same outputs, of which nothing is known yet but their names and units."""
    return tuple(
        replace(one, output=Output(units=one.output.units, name=one.output.name, reason=_UNSEEN))
        for one in outputs
    )


def filled(outputs: Outputs, observed: dict[str | None, Output]) -> Outputs:
    """Outputs that the structure leaves open, as they were seen when the loss was computed."""
    if not observed or all(one.output.known for one in outputs):
        return outputs
    if len(outputs) == 1 and len(observed) > 1:
        return tuple(
            LiveOutput(str(name), replace(seen, name=name), (str(name),), shape=(None, seen.units))
            for name, seen in observed.items()
        )
    return tuple(_filled(one, observed.get(one.output.name)) for one in outputs)


def _filled(one: LiveOutput, seen: Output | None) -> LiveOutput:
    if one.output.known or seen is None:
        return one
    units = seen.units if seen.units is not None else one.output.units
    if not seen.known:
        return replace(one, output=replace(one.output, units=units))
    return replace(one, output=replace(seen, name=one.output.name, units=units))


def measured(model: Any, outputs: Outputs, x: Any, state: Any) -> Outputs:
    """The outputs that are still open, as they measure on one batch of inputs."""
    with muted():
        batches = [flat(predicted(model, inputs, state)) for inputs in magnitudes(x)]
    if any(len(batch) != len(outputs) for batch in batches):
        return outputs
    return tuple(measure(one, [batch[at] for batch in batches]) for at, one in enumerate(outputs))


def unpacked(data: Any) -> tuple[Any, Any]:
    """The inputs and labels of a batch as Keras takes it apart."""
    if not isinstance(data, (tuple, list)):
        return data, None
    return (data[0] if data else None), (data[1] if len(data) > 1 else None)


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """What this thread prints is not printed: a layer of the program's own may, and has done so already."""
    before = sys.stdout
    sys.stdout = _Muted(before, threading.get_ident())
    try:
        yield
    finally:
        sys.stdout = before


class _Muted:
    def __init__(self, stream: Any, thread: int) -> None:
        self._stream = stream
        self._thread = thread

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            return len(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
