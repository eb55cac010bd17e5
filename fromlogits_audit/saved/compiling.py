"""The stored compile: every loss and metric is paired with its output, as Keras pairs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from fromlogits_audit.ir import Kind, Location, Loss, Metric, Output, Site, Undecided, Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.losses import is_object, loss_of, metric_of
from fromlogits_audit.saved.values import Json

MAX_PAIRS = 10_000
"""Losses and metrics of one model, in all."""


@dataclass(frozen=True)
class Head:
    """One output: ``keys`` are what a dict of losses may call it, ``output.name`` what a report does."""

    output: Output
    keys: tuple[str, ...] = ()
    rescaled: bool = False
    """Whether it is unbounded only because a normalisation stands behind something that was not."""


@dataclass(frozen=True)
class Readers:
    """How the value of one loss or metric is read, beside the units of its output. A value here is what a
    file holds; of a model in memory it is an object."""

    loss: Callable[[Json, int | None], Loss | None] = loss_of
    metric: Callable[[Json, int | None], Metric | None] = metric_of


_BY_NAME = Readers()


@dataclass(frozen=True)
class Stored:
    """A model's compile arguments as its file holds them."""

    loss: Json = None
    metrics: Json = None
    weighted_metrics: Json = None


def stored(config: Json) -> Stored:
    """The compile arguments in a ``compile_config`` or ``training_config``, of either dialect."""
    if not isinstance(config, dict):
        return Stored()
    inner = config.get("config")
    if isinstance(inner, dict) and "loss" not in config:
        # A compile override that serialises itself nests one level deeper.
        config = inner
    return Stored(config.get("loss"), config.get("metrics"), config.get("weighted_metrics"))


def paired(loss: Json, heads: Sequence[Head], readers: Readers = _BY_NAME) -> list[tuple[Head, Loss]]:
    """Which loss goes to which output. One for all, by position, or by name."""
    pairs = list(_pairs(loss, heads))[:MAX_PAIRS]
    found = ((head, readers.loss(value, head.output.units)) for head, value in pairs)
    return [(head, known) for head, known in found if known is not None]


def _pairs(loss: Json, heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    if isinstance(loss, list):
        yield from _by_position(_flat(loss), heads)
    elif isinstance(loss, dict) and not is_object(loss):
        yield from _by_name(loss, heads)
    else:
        yield from ((head, loss) for head in heads)


def _flat(items: list[Json]) -> list[Json]:
    """Nested lists of losses follow nested lists of outputs."""
    flat: list[Json] = []
    waiting = list(reversed(items))
    while waiting and len(flat) < MAX_PAIRS:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        else:
            flat.append(one)
    return flat


def _by_position(items: list[Json], heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    if len(heads) == 1 and len(items) > 1 and not heads[0].output.known:
        # An output that cannot be followed may be several.
        yield from ((Head(replace(heads[0].output, name=str(at))), item) for at, item in enumerate(items))
    else:
        yield from zip(heads, items, strict=False)


def _by_name(losses: dict[str, Json], heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    left = dict(losses)
    free = []
    for head in heads:
        key = next((key for key in head.keys if key in left), None)
        if key is None:
            free.append(head)
        else:
            yield head, left.pop(key)
    if len(left) == 1 and len(free) == 1 and len(heads) == 1:
        yield free[0], next(iter(left.values()))
        return
    for key, value in left.items():
        reason = free[0].output.reason if len(free) == 1 else None
        reason = reason or Undecided(Why.UNSUPPORTED, f"which output is called {str(key)[:80]}")
        yield Head(Output(reason=reason, name=str(key))), value


def sites(
    compiled: Stored, heads: Sequence[Head], where: Location, readers: Readers = _BY_NAME
) -> list[Site]:
    """The sites of a stored compile: losses, then the metrics that ask for a scale."""
    pairs = paired(compiled.loss, heads, readers)
    return [*loss_sites(pairs, where), *_metric_sites(compiled, pairs, heads, where, readers)]


def loss_sites(pairs: Sequence[tuple[Head, Loss]], where: Location) -> list[Site]:
    return [Site(Kind.LOSS, where, head.output, loss=loss, labels=None, trace=()) for head, loss in pairs]


def _metric_sites(
    compiled: Stored,
    pairs: Sequence[tuple[Head, Loss]],
    heads: Sequence[Head],
    where: Location,
    readers: Readers,
) -> list[Site]:
    """Without a loss of Keras's own nothing says what an output means to a metric."""
    partners = {id(head): loss for head, loss in pairs if not loss.is_custom}
    found: list[Site] = []
    for given in (compiled.metrics, compiled.weighted_metrics):
        for head, value in _assigned(given, heads):
            metric, partner = readers.metric(value, head.output.units), partners.get(id(head))
            if metric is not None and partner is not None and len(found) < MAX_PAIRS:
                found.append(Site(Kind.METRIC, where, head.output, metric=metric, partner=partner))
    return found


def _assigned(given: Json, heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    """Which metric goes to which output: by key, by position, or all to all."""
    if given is None:
        return
    if isinstance(given, dict) and not is_object(given):
        yield from _metrics_by_name(given, heads)
    elif isinstance(given, list):
        yield from _metrics_in_list(given, heads)
    else:
        yield from ((head, given) for head in heads)


def _metrics_by_name(given: dict[str, Json], heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    for head in heads:
        key = next((key for key in head.keys if key in given), None)
        if key is None and len(heads) == 1 and len(given) == 1:
            key = next(iter(given))
        if key is not None:
            yield from ((head, value) for value in _listed(given[key]))


def _metrics_in_list(given: list[Json], heads: Sequence[Head]) -> Iterator[tuple[Head, Json]]:
    nested = any(isinstance(value, list) for value in given)
    if nested or (len(heads) > 1 and len(given) == len(heads)):
        for head, value in zip(heads, given, strict=False):
            yield from ((head, one) for one in _listed(value))
    else:
        yield from ((head, value) for head in heads for value in given)


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return _flat(value) if isinstance(value, list) else [value]
