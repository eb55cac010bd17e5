"""What stands behind the outputs of the sites: the layers that fixes would change."""

from __future__ import annotations

from dataclasses import field

from fromlogits_audit.interp.drafts import scale_source
from fromlogits_audit.interp.keras.endings import LINEAR, reaching
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import Place
from fromlogits_audit.ir import Output, Scale
from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class Head:
    """``place`` is the layer or call that gives an output its scale.

    ``reaching`` are the activations that the output would have just so, were they put there; ``behind`` are
    further layers that compute in the type of the first one.
    """

    place: Place
    reaching: tuple[str, ...] = ()
    behind: tuple[Place, ...] = ()


@dataclass
class Heads:
    """Heads by output. What is made of one layer or call has to be right for all outputs that it gives."""

    _found: dict[Output, Head] = field(default_factory=dict)
    _reaching: dict[tuple[int, int], frozenset[str]] = field(default_factory=dict)
    """What all outputs hand on that a layer or call gives their scale, by its place."""
    _followed: set[tuple[int, int]] = field(default_factory=set)
    """Layers and calls whose scores go through a softmax or sigmoid somewhere: they are to give scores."""

    def note(self, output: Output, tensor: TensorV) -> None:
        place = scale_source(tensor)
        if place is None:
            return
        self._found[output] = Head(place)
        now = reaching(tensor)
        self._reaching[place.key] = self._reaching.get(place.key, now) & now

    def note_followed(self, tensor: TensorV, place: Place) -> None:
        """A softmax or sigmoid that stands at ``place`` is applied to scores."""
        source = scale_source(tensor) if tensor.scale is Scale.LOGITS else None
        if source is not None and source.key != place.key:
            self._followed.add(source.key)

    def note_half(self, output: Output, layers: tuple[Place, ...]) -> None:
        """An output that is computed in half precision by several layers, the first of which has a site."""
        self._found[output] = Head(layers[0], (), layers[1:])

    def of(self, output: Output) -> Head | None:
        head = self._found.get(output)
        if head is None or head.behind:
            return head
        allowed = self._reaching.get(head.place.key, frozenset())
        if head.place.key in self._followed:
            allowed &= {LINEAR}
        return Head(head.place, tuple(sorted(allowed)))
