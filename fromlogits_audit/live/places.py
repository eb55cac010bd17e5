"""The sites of a recording, each where its finding stands: at the start of the loss construction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.ir import Family, Kind, Location, Output, Site, Step
from fromlogits_audit.live.births import Births
from fromlogits_audit.live.expressions import Expressions, Path
from fromlogits_audit.live.objects import loss_of, metric_of
from fromlogits_audit.live.own import followed
from fromlogits_audit.live.recording import Compiled, Met, Recording
from fromlogits_audit.live.spots import Spot

_LABEL = re.compile(r"'([^']+)'")
_ARGUMENTS = {Kind.LOSS: ("loss",), Kind.METRIC: ("metrics", "weighted_metrics")}


def placed(recording: Recording, births: Births, cwd: FilePath) -> Iterator[Site]:
    """Every site once: what a loop compiles or calls again with the same facts is the same site."""
    places = _Places(recording, births, cwd)
    seen: list[Site] = []
    for site in places.sites():
        if site not in seen:
            seen.append(site)
            yield site


class _Places:
    """One walk over a recording."""

    def __init__(self, recording: Recording, births: Births, cwd: FilePath) -> None:
        self._recording = recording
        self._births = births
        self._texts = Expressions(cwd)

    def sites(self) -> Iterator[Site]:
        for made in self._recording.compiles:
            if made.by_keras and not made.seen:
                continue  # nobody has used it since
            for site in made.sites:
                yield from self._compiled(made, site)
            for site in made.inner:
                yield self._inner(made, site)
        for met in self._recording.meetings:
            yield from self._met(met)

    # -- compile -----------------------------------------------------------------------------
    def _compiled(self, made: Compiled, site: Site) -> Iterator[Site]:
        argument, path, value = _value_of(made, site)
        if site.kind is Kind.LOSS and site.loss is not None and site.loss.family is Family.UNKNOWN:
            if any(self._recording.is_wrapping(one) for one in (value, getattr(value, "fn", None))):
                return  # what it calls is the site
            site = followed(site, value, ran=made.seen or bool(made.observed))
        where = self._place(made, argument, path, value)
        site = self._misplaced(site, self._births.of(value) if not isinstance(value, str) else None)
        output = self._output(site.output, made.layers)
        yield site.at(location=where, output=output, trace=(self._step(made),))

    def _place(self, made: Compiled, argument: str, path: Path, value: Any) -> Location:
        born = None if isinstance(value, (str, type)) else self._births.of(value)
        if born is not None:
            return self._texts.of_spot(born, type(value).__name__)
        found = self._texts.of_argument(made.stack, made.names, argument, path, value)
        return found or self._texts.of_literal(made.stack, value) or self._call(made)

    def _misplaced(self, site: Site, born: Spot | None) -> Site:
        """A bool that stands where another parameter than ``from_logits`` is: only the text shows that."""
        loss = site.loss
        spec = loss_class(f"keras.losses.{loss.name}") if loss is not None else None
        if loss is None or spec is None or not spec.has_flag or born is None or loss.misuse:
            return site
        for name, given in zip(spec.parameters.names, self._texts.bools(born), strict=False):
            if given is True and name != "from_logits" and not self._texts.names(born, "from_logits"):
                misuse = f"the positional True lands on {name}, not on from_logits"
                return site.at(loss=replace(loss, misuse=misuse))
        return site

    def _call(self, made: Compiled) -> Location:
        return self._texts.of_spot(made.stack[0], "compile") if made.stack else Location("<unknown>")

    def _step(self, made: Compiled) -> Step:
        return Step(self._call(made), "compiled here")

    def _inner(self, made: Compiled, site: Site) -> Site:
        label = site.applied.spelled if site.applied is not None else _last_label(site.output)
        layer = self._layer(label, made.layers)
        return site.at(location=layer or self._call(made), output=self._output(site.output, made.layers))

    def _output(self, output: Output, layers: dict[str, Spot]) -> Output:
        """With the places of layers in its trace, where they are known, and no place where none is."""
        steps = [(self._layer(step.note, layers), step.note) for step in output.trace]
        trace = tuple(Step(where, note) for where, note in steps if where is not None)
        unit = output.unit_softmax
        if unit is not None:
            softmax = [where for where, note in steps if where is not None and ": softmax gives" in note]
            unit = softmax[-1] if softmax else Location(unit.path)
        return replace(output, trace=trace, unit_softmax=unit)

    def _layer(self, label: str, layers: dict[str, Spot]) -> Location | None:
        name = _LABEL.search(label)
        spot = layers.get(name.group(1)) if name else None
        return self._texts.of_spot(spot) if spot is not None else None

    # -- calls -------------------------------------------------------------------------------
    def _met(self, met: Met) -> Iterator[Site]:
        if self._recording.is_wrapping(met.loss):
            return
        site = met.site
        if site.loss is not None and site.loss.family is Family.UNKNOWN:
            site = followed(site, met.loss, ran=True)
        called = self._texts.of_spot(met.stack[0]) if met.stack else Location("<unknown>")
        where = self._texts.of_spot(met.born, type(met.loss).__name__) if met.born is not None else called
        site = self._misplaced(site, met.born)
        steps = (Step(called, "called here"),) if met.born is not None else ()
        yield site.at(location=where, output=self._output(site.output, met.layers), trace=steps)


def _value_of(made: Compiled, site: Site) -> tuple[str, Path, Any]:
    """What ``compile`` was given for a site: the argument, the way to it inside, and the value itself."""
    reads = loss_of if site.kind is Kind.LOSS else metric_of
    wanted = site.loss if site.kind is Kind.LOSS else site.metric
    units = site.output.units
    best: tuple[int, str, Path, Any] = (-1, _ARGUMENTS[site.kind][0], (), None)
    for argument in _ARGUMENTS[site.kind]:
        for path, value in _leaves(made.given.get(argument), ()):
            found = reads(value, units)
            same = found is not None and wanted is not None and found.name == wanted.name
            score = 2 * (found == wanted) + same + 4 * _fits(path, site, made)
            if found is not None and score > best[0]:
                best = (score, argument, path, value)
    return best[1:]


def _fits(path: Path, site: Site, made: Compiled) -> bool:
    """Whether a way into a structure of losses names the site's output."""
    name = site.output.name
    if not path or name is None:
        return not path
    names = [one.output.name for one in made.sites if one.kind is Kind.LOSS]
    return path[0] == name or (path[0] in range(len(names)) and names[path[0]] == name)


def _leaves(structure: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(structure, dict):
        for key, one in structure.items():
            yield from _leaves(one, (*path, key))
    elif isinstance(structure, (list, tuple)):
        for at, one in enumerate(structure):
            yield from _leaves(one, (*path, at))
    elif structure is not None:
        yield path, structure


def _last_label(output: Output) -> str:
    notes: Sequence[Step] = output.trace
    return notes[-1].note if notes else ""
