"""What stands behind the outputs of the sites: the layers that fixes would change."""

from __future__ import annotations

from dataclasses import field

from fromlogits_audit.interp.drafts import scale_source
from fromlogits_audit.interp.keras.endings import reaching
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import Place
from fromlogits_audit.ir import Output
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
    """Heads by output. Outputs that look alike share one, which then holds for each of them."""

    _found: dict[Output, Head] = field(default_factory=dict)

    def note(self, output: Output, tensor: TensorV) -> None:
        place = scale_source(tensor)
        if place is None:
            return
        now, known = reaching(tensor), self._found.get(output)
        if known is not None:
            now = tuple(one for one in now if one in known.reaching)
        self._found[output] = Head(place, now)

    def note_half(self, output: Output, layers: tuple[Place, ...]) -> None:
        """An output that is computed in half precision by several layers, the first of which has a site."""
        self._found[output] = Head(layers[0], (), layers[1:])

    def of(self, output: Output) -> Head | None:
        return self._found.get(output)
