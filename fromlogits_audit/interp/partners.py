"""Which losses met which output of a model: what a metric or a cut-off on that output is judged by."""

from __future__ import annotations

from dataclasses import field

from fromlogits_audit.interp.drafts import Owner
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import Place
from fromlogits_audit.ir import Loss
from fromlogits_audit.lean import dataclass


@dataclass
class Partners:
    """Losses by the model output that they met."""

    _owners: dict[tuple[int, str | None], Owner] = field(default_factory=dict)
    """Outputs of models, by the identity of the model and which of its outputs; they stay alive here."""
    _losses: dict[int, list[tuple[Loss, Place, str | None]]] = field(default_factory=dict)

    def note(self, tensor: TensorV, loss: Loss, place: Place) -> None:
        """A loss that stands at ``place`` meets a tensor."""
        self._losses.setdefault(id(self.owner(tensor).model), []).append((loss, place, tensor.head))

    def owner(self, tensor: TensorV) -> Owner:
        """The output of a model that a tensor is; one that no model returned stands for itself."""
        model = tensor if tensor.final is None else tensor.final
        return self._owners.setdefault((id(model), tensor.head), Owner(model, tensor.head))

    def of(self, owner: Owner) -> tuple[Loss | None, Place | None]:
        """The loss of a model's output, where all that meet it ask for the same scale, and its place."""
        every = self._losses.get(id(owner.model), [])
        losses = [row for row in every if row[2] == owner.head] or every
        if len({(loss.family, loss.from_logits) for loss, _, _ in losses}) != 1:
            return None, None
        places = {place for _, place, _ in losses}
        return losses[0][0], places.pop() if len(places) == 1 else None
