"""``LogitsAudit``: a callback for ``fit`` of Keras 3 and tf_keras that checks what is being trained.

At the start the structure is checked. The first batch is looked at on its way into the first step (its
labels, and the outputs where the structure leaves them open), after which nothing stays replaced and nothing
is done in a step. After each epoch a loss that has settled on a known floor is named.

A callback of either Keras is whatever has the methods, so none is imported here.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fromlogits_audit.checking import LossMismatch, describe, report_on
from fromlogits_audit.config import Settings, codes
from fromlogits_audit.errors import UsageError
from fromlogits_audit.finding import Finding
from fromlogits_audit.floors import Floor, floor_of
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.live import batches, spots
from fromlogits_audit.live.labels import share_of_ones
from fromlogits_audit.live.observed import Observation
from fromlogits_audit.live.sites import LiveModel, doubted, sites_of
from fromlogits_audit.report import Report

ON_ERROR = ("warn", "raise", "collect")
FUNCTION = "train_function"


class LogitsWarning(UserWarning):
    """What :class:`LogitsAudit` has found, where it is asked to warn."""


class LogitsAudit:
    """Checks the model that ``fit`` trains, its losses, its metrics and its first batch.

    ``on_error`` says what becomes of findings: ``"warn"`` (a LogitsWarning), ``"raise"`` (a LossMismatch out
    of ``fit``), or ``"collect"``: they are in ``findings`` and ``report`` either way. ``ignore`` are codes or
    prefixes of rules that do not count. ``notes`` are remarks beside the findings: a loss that has settled on
    a floor, a first batch that could not be looked at.

    Raises UsageError for another ``on_error`` and for codes that no rule has.
    """

    # tf_keras asks for these; logs may stay tensors, so that no step waits for them.
    _supports_tf_logs = True
    _chief_worker_only = None
    async_safe = True

    def __init__(self, on_error: str = "warn", *, ignore: Sequence[str] = ()) -> None:
        if on_error not in ON_ERROR:
            raise UsageError(f"on_error should be one of {', '.join(map(repr, ON_ERROR))}, not {on_error!r}.")
        self.on_error = on_error
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self.report = Report()
        self.notes: list[str] = []
        self._settings = Settings(ignore=codes(ignore))
        self._told: set[tuple[str, str]] = set()
        self._waiting = False
        self._moved = False
        self._watched: list[_Watched] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.report.findings

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self.model = model

    # -- what Keras calls --------------------------------------------------------------------
    def on_train_begin(self, logs: Any = None) -> None:
        self._moved = _floors_moved(self.model)
        self._waiting = True
        with self._going_on("The model was"):
            self._examine(doubted(sites_of(self.model), self.model))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        # The function stands there from the first step to its call and no longer, whatever fails in between.
        if self._waiting:
            self._waiting = False
            batches.intercept(self.model, FUNCTION, self._look)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        for one in self._watched:
            words = one.settled(logs or {})
            if words is not None:
                self._note(words)

    def on_train_end(self, logs: Any = None) -> None:
        self._waiting = False

    # -- the first batch ---------------------------------------------------------------------
    def _look(self, model: Any, data: Any, state: Any) -> None:
        """Before the first step (``state`` is None) and after it. On JAX the model is empty before it."""
        on_jax = getattr(model, "_jax_state_synced", None) is not None
        if (state is None) is on_jax:
            return
        try:
            with self._going_on("The first batch was"):
                self._first_batch(model, data, state or ())
        except Exception:
            if on_jax:
                _give_back(model, state)
            raise

    @contextlib.contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Let no exception out but what was asked for: neither a model that can't be called here nor a
        mistake of ours may end a training."""
        try:
            yield
        except (LossMismatch, LogitsWarning):
            raise
        except Exception as error:
            self._note(f"{what} not looked at: {type(error).__name__}: {error}")

    def _first_batch(self, model: Any, data: Any, state: Any) -> None:
        x, y, weights = _taken_apart(data)
        self._moved = self._moved or weights is not None
        with Observation(model, x, state) as seen:
            found = sites_of(model, y, fill=seen.fill, follow=seen.follow)
        self._examine(doubted(found, model), y)

    # -- what was found ----------------------------------------------------------------------
    def _examine(self, found: LiveModel, y: Any = None) -> None:
        self.report = report_on([found], self._settings)
        self._watched = [] if self._moved else _watched(found, y)
        new = [one for one in self.report.findings if (one.code, one.message) not in self._told]
        self._told.update((one.code, one.message) for one in new)
        if new and self.on_error == "raise":
            raise LossMismatch(describe(self.report), self.report)
        if new and self.on_error == "warn":
            _warn(describe(self.report))

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)
            if self.on_error != "collect":
                _warn(words)

    # -- what tf_keras asks ------------------------------------------------------------------
    def _implements_train_batch_hooks(self) -> bool:
        return True

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False


def _nothing(self: LogitsAudit, *args: Any, **kwargs: Any) -> None:
    """A hook that is not used."""


_nothing._is_default = True  # type: ignore[attr-defined]  # Keras 3: nobody has to wait for it
for _hook in (
    *("on_batch_begin", "on_batch_end", "on_epoch_begin", "on_train_batch_end"),
    *(f"on_{kind}_{when}" for kind in ("test", "predict") for when in ("begin", "end")),
    *(f"on_{kind}_batch_{when}" for kind in ("test", "predict") for when in ("begin", "end")),
):
    setattr(LogitsAudit, _hook, _nothing)


def _warn(words: str) -> None:
    """Warn at the user's line that called ``fit``."""
    place = next(iter(spots.stack(sys._getframe())), None)
    if place is None:
        warnings.warn(words, LogitsWarning, stacklevel=3)
    else:
        warnings.warn_explicit(words, LogitsWarning, place.file, place.line)


def _taken_apart(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, labels and weights of samples, as Keras takes a batch apart."""
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    x, y, weights = (*parts, None, None)[:3] if 1 <= len(parts) <= 3 else (None, None, None)
    return x, y, weights


def _give_back(model: Any, state: Any) -> None:
    """Let ``fit`` return the weights to a model on JAX, as it does after every step that ends well."""
    names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
    model._jax_state = dict(zip(names, state, strict=False))
    model._jax_state_synced = False


class _Watched:
    """One loss whose values are followed from epoch to epoch."""

    def __init__(self, key: str, site: Site, floor: Floor) -> None:
        self._key = key
        self._site = site
        self._floor = floor
        self._losses: list[float] = []
        self._told = False

    def settled(self, logs: Mapping[str, Any]) -> str | None:
        """What there is to say after an epoch, None for nothing."""
        value = logs.get(self._key)
        if value is None:
            return None
        self._losses.append(float(value))
        if self._told or not self._floor.holds(self._losses):
            return None
        self._told = True
        loss = self._site.loss
        name = loss.name if loss is not None else "loss"
        return f"The {self._key} ({name}) has settled at {value:.4f}. {self._floor.words}"


def _floors_moved(model: Any) -> bool:
    """Whether something is added to the losses (regularisation) or they are weighted: no floor holds then."""
    kept = getattr(model, "_compile_loss", None) or getattr(model, "compiled_loss", None)
    return bool(getattr(model, "losses", None)) or getattr(kept, "_user_loss_weights", None) is not None


def _watched(found: LiveModel, y: Any) -> list[_Watched]:
    """The losses with a known floor, by the name that the logs give them."""
    losses = [site for site in found.sites if site.kind is Kind.LOSS]
    ones = share_of_ones(y) if len(losses) == 1 else None
    followed = []
    for site in losses:
        floor = floor_of(site, ones)
        if floor is not None:
            key = "loss" if len(losses) == 1 else f"{site.output.name}_loss"
            followed.append(_Watched(key, site, floor))
    return followed
