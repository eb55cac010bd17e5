"""The run over saved models: discover, read, pair with losses, measure if asked, judge.

Returns a Report and never prints. Neither the parser nor TensorFlow is imported, unless the losses come
from source code or the models are to be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.config import Settings
from fromlogits_audit.errors import InputError, UnreadableFile, UsageError, bug
from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Kind, Location, Problem, Runtime, Scale, Site, Status
from fromlogits_audit.lean import dataclass
from fromlogits_audit.models import Evidence, ModelLoss, ModelOutput, ModelReport
from fromlogits_audit.outcome import LISTED, Reported, once, site_key, stamped, undecided, unreadable
from fromlogits_audit.paths import shown_path
from fromlogits_audit.report import Report
from fromlogits_audit.rules.judge import Judged, judge
from fromlogits_audit.saved.compiling import Head, Stored, sites
from fromlogits_audit.saved.discover import Candidate, discover
from fromlogits_audit.saved.interface import SavedModel
from fromlogits_audit.saved.read import read_model
from fromlogits_audit.saved.spec import parse_loss

if TYPE_CHECKING:
    from concurrent.futures import Executor

Progress = Callable[[Sequence[Candidate]], Iterable[Candidate]]
"""Wraps the models to be read, to show how far the run is."""


@dataclass(frozen=True)
class ModelOptions:
    """What a run over models is asked to do beside the settings.

    ``loss`` is a SPEC (:mod:`fromlogits_audit.saved.spec`) in place of the stored losses; ``source``
    a path of source code to take them from. ``probe`` measures; ``trust`` lets the measurement
    deserialise unsafe parts. ``seconds`` and ``megabytes`` bound each measurement.
    """

    loss: str | None = None
    source: Path | None = None
    probe: bool = False
    trust: bool = False
    seconds: float = 120.0
    megabytes: int = 8192


@dataclass
class _Run:
    """What one run has collected."""

    settings: Settings
    options: ModelOptions
    cwd: Path
    models: list[ModelReport] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def audit_models(
    paths: Sequence[Path],
    settings: Settings | None = None,
    options: ModelOptions | None = None,
    *,
    cwd: Path | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Report:
    """Audit saved models; folders are walked for them. ``executor`` reads (and measures) them wherever it
    runs things, from the same places.

    Raises UsageError for a path that does not exist and for a SPEC that is no loss; whatever is wrong
    inside a model becomes FLA001 and the run goes on.
    """
    run = _Run(settings or Settings(), options or ModelOptions(), cwd or Path.cwd())
    override = _override(run)
    candidates = discover(paths)
    for read in _reads(run, candidates, progress, executor):
        _take(run, read, override)
    return _report(run, len(candidates))


Override = Callable[[SavedModel, Sequence[Head], Location], list[Site]]
"""Makes the loss and metric sites of a model, in place of those that it stores."""


def _override(run: _Run) -> Override | None:
    if run.options.loss is not None:
        given = Stored(parse_loss(run.options.loss))
        return lambda model, heads, where: sites(given, heads, where)
    if run.options.source is not None:
        from fromlogits_audit.matching import from_source

        pair, problems = from_source(run.options.source, run.settings, run.cwd)
        run.problems += problems
        return pair
    return None


@dataclass(frozen=True)
class Wanted:
    """A model to be read: plain data, so that it can be sent to where that happens."""

    path: Path
    shown: str
    problem: str | None
    options: ModelOptions


@dataclass(frozen=True)
class Read:
    """What reading (and measuring) one model gave, or why that failed."""

    path: Path
    model: SavedModel | None = None
    outputs: tuple[ModelOutput, ...] = ()
    wrong: tuple[Site, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def _reads(
    run: _Run, candidates: Sequence[Candidate], progress: Progress | None, executor: Executor | None
) -> Iterable[Read]:
    def wanted(one: Candidate) -> Wanted:
        return Wanted(one.path.absolute(), shown_path(one.path, run.cwd), one.problem, run.options)

    if executor is not None:
        from fromlogits_audit.elsewhere import read_elsewhere

        return read_elsewhere([wanted(one) for one in candidates], executor)
    return (read(wanted(one)) for one in (progress(candidates) if progress else candidates))


def read(wanted: Wanted) -> Read:
    """Read one model, measure it if asked; whatever is wrong with it is one FLA001."""
    try:
        if wanted.problem is not None:
            raise InputError(wanted.problem)
        return _measured(wanted, read_model(wanted.path, wanted.shown))
    except InputError as error:
        return unusable(wanted, _sentence(error.reason))
    except Exception as error:
        return unusable(wanted, bug(error))


def unusable(wanted: Wanted, reason: str) -> Read:
    return Read(wanted.path, problems=(Problem(Location(wanted.shown), reason),))


def _take(run: _Run, read: Read, override: Override | None) -> None:
    """Judge one model; whatever is wrong with it is one FLA001 and not the end of the run."""
    run.notes += read.notes
    run.problems += read.problems
    if read.model is None:
        return
    try:
        _judge(run, read, read.model, override)
    except InputError as error:
        run.problems.append(Problem(Location(read.model.path), _sentence(error.reason)))
    except UsageError:
        raise
    except Exception as error:
        run.problems.append(Problem(Location(read.model.path), bug(error)))


_VERBS = ("is ", "has ", "holds ", "cannot ", "lists ")


def _sentence(reason: str) -> str:
    """Readers say what is wrong with the file; here it needs a subject."""
    return f"it {reason}" if reason.startswith(_VERBS) else reason


def _judge(run: _Run, read: Read, model: SavedModel, override: Override | None) -> None:
    where, outputs = Location(model.path), read.outputs
    heads = [replace(head, output=one.output) for head, one in zip(model.heads, outputs, strict=True)]
    paired = override(model, heads, where) if override else sites(model.compiled, heads, where)
    runtime = Runtime(run.settings.keras or model.keras, run.settings.backend)
    inner = _inner(model, outputs, where)
    run.judged += [judge(stamped(site, runtime)) for site in [*paired, *inner, *read.wrong]]
    losses = [ModelLoss(site.output.name, site.loss) for site in paired if site.loss is not None]
    run.models.append(_model_report(model, outputs, losses, _advice(model, run.options)))


def _model_report(
    model: SavedModel, outputs: Sequence[ModelOutput], losses: Sequence[ModelLoss], advice: str
) -> ModelReport:
    return ModelReport(
        model.path, model.format, model.keras_version, tuple(outputs), tuple(losses), model.unsafe, advice
    )


def _advice(model: SavedModel, options: ModelOptions) -> str:
    """Which option, if any is left, has an unknown output measured."""
    if model.unsafe and not (options.probe and options.trust):
        return "--probe --trust runs its code and measures it"
    return "" if options.probe else "--probe measures it"


def _inner(model: SavedModel, outputs: Sequence[ModelOutput], where: Location) -> Iterator[Site]:
    """What is worth a look inside a model, whatever its loss."""
    for applied, before in model.applied:
        yield Site(Kind.ACTIVATION, where, before, applied=applied)
    for one in outputs:
        if one.output.half_precision is not None:
            yield Site(Kind.LAYER, where, one.output)
    if model.unsafe:
        yield Site(Kind.MODEL, where, unsafe=model.unsafe)


# -- measuring -----------------------------------------------------------------------------------
def _measured(wanted: Wanted, model: SavedModel) -> Read:
    """The outputs, with what a measurement adds, and the sites where it contradicts the structure."""
    outputs = [ModelOutput(name, head.output) for name, head in zip(model.names, model.heads, strict=True)]
    asked, unmeasured = wanted.options, Read(wanted.path, model, tuple(outputs))
    if not asked.probe:
        return unmeasured
    from fromlogits_audit.live.process import measure
    from fromlogits_audit.live.verdict import Verdict, compare

    if model.unsafe and not asked.trust:
        return _not_measured(model, unmeasured, "it holds code, which only --trust runs.")
    where = Location(model.path)
    try:
        batches = measure(
            wanted.path, model.keras, trust=asked.trust, seconds=asked.seconds, megabytes=asked.megabytes
        )
    except UnreadableFile as error:
        return _not_measured(model, unmeasured, error.reason)
    except InputError as error:  # It is not the model that keeps it from being measured.
        return replace(unmeasured, problems=(Problem(where, error.reason),))
    found = []
    wrong: list[Site] = []
    for at, one in enumerate(outputs):
        verdict: Verdict = compare(
            one.output, batches.of(model.heads[at].keys, at, len(outputs)), rescaled=model.heads[at].rescaled
        )
        found.append(_with(one, verdict.scale, verdict.units, verdict.activation))
        if verdict.contradicts:
            wrong.append(Site(Kind.MODEL, where, one.output, measured=verdict.output))
    return replace(unmeasured, outputs=tuple(found), wrong=tuple(wrong))


def _not_measured(model: SavedModel, read: Read, why: str) -> Read:
    """What the structure says stands all the same: the model was read."""
    return replace(read, notes=(f"{model.path} was not measured: {why}",))


def _with(one: ModelOutput, scale: Scale, units: int | None, activation: str | None) -> ModelOutput:
    """An output that the structure left open, as it was measured."""
    output = one.output if one.output.units is not None else replace(one.output, units=units)
    if output.known or scale is Scale.UNKNOWN:
        return replace(one, output=output)
    decided = replace(output, scale=scale, activation=activation, reason=None)
    return ModelOutput(one.name, decided, Evidence.PROBE)


# -- the report ----------------------------------------------------------------------------------
def _report(run: _Run, files: int) -> Report:
    listed = sorted((one for one in run.judged if one.site.kind in LISTED), key=site_key)
    problems = sorted(run.problems, key=lambda problem: (problem.location.sort_key(), problem.reason))
    found: list[Finding] = [finding for one in run.judged for finding in one.findings]
    found += [unreadable(problem) for problem in problems]
    found += [undecided(one) for one in listed if one.status is Status.UNDECIDED]
    return Report(
        findings=tuple(Reported(run.settings, run.cwd).of(once(found))),
        sites=tuple(listed),
        problems=tuple(problems),
        files=files,
        runtime=Runtime(run.settings.keras, run.settings.backend),
        models=tuple(run.models),
        notes=tuple(run.notes),
    )


def describe(path: Path) -> list[ModelOutput]:
    """The outputs of one model, from its structure. Raises InputError where it can't be read."""
    model = read_model(path, path.as_posix())
    return [ModelOutput(name, head.output) for name, head in zip(model.names, model.heads, strict=True)]
