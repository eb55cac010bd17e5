"""Which losses met which output of a model: what a metric or a cut-off on that output is judged by."""

from __future__ import annotations

from dataclasses import field, replace

from fromlogits_audit.interp.drafts import MAX_HOPS, Owner, Trail, as_partner, hops_of
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import Hop, Place
from fromlogits_audit.ir import Loss, Scale
from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class _Met:
    """A loss that met an output of a model, or what was made of it."""

    loss: Loss
    place: Place
    head: str | None
    scale: Scale


@dataclass
class Partners:
    """Losses by the model output that they met."""

    _owners: dict[tuple[int, str | None], Owner] = field(default_factory=dict)
    """Outputs of models, by the identity of the model and which of its outputs; they stay alive here."""
    _losses: dict[int, list[_Met]] = field(default_factory=dict)

    def note(self, tensor: TensorV, loss: Loss, place: Place, hops: tuple[Hop, ...]) -> None:
        """A loss that stands at ``place`` meets a tensor, over ``hops``."""
        met = _Met(as_partner(loss, place, hops), place, tensor.head, tensor.scale)
        self._losses.setdefault(id(self.owner(tensor).model), []).append(met)

    def owner(self, tensor: TensorV) -> Owner:
        """The output of a model that a tensor is; one that no model returned stands for itself."""
        model = tensor if tensor.final is None else tensor.final
        return self._owners.setdefault((id(model), tensor.head), Owner(model, tensor.head))

    def of(self, owner: Owner, scale: Scale) -> tuple[Loss | None, tuple[Place, ...]]:
        """The loss of a model's output, where all that meet it ask for the same scale, and the places of all.

        What met a sigmoid of the output says nothing of the output itself, where something else met that.
        """
        every = self._losses.get(id(owner.model), [])
        of_head = [met for met in every if met.head == owner.head] or every
        losses = [met for met in of_head if met.scale is scale] or of_head
        places = tuple({met.place.key: met.place for met in losses}.values())
        if len({(met.loss.family, met.loss.from_logits) for met in losses}) != 1:
            return None, places
        # The verdict rests on all of them.
        hops = dict.fromkeys(hop for met in losses for hop in hops_of(met.loss.trace))
        return replace(losses[0].loss, trace=Trail(tuple(hops)[:MAX_HOPS])), places
