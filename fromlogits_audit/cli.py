"""The command: arguments to Settings, a Report to bytes and an exit status. Nothing else.

Only click is imported at the top: ``--help`` has to answer at once, so whatever needs the parser or
the terminal library is imported by the command that uses it.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fromlogits_audit import __version__, lean
from fromlogits_audit.errors import DEBUG, UsageError
from fromlogits_audit.paths import shown_path
from fromlogits_audit.reporters.interface import FORMATS, MACHINE_FORMATS, Style

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fromlogits_audit.config import Settings
    from fromlogits_audit.report import Report

PROGRAM = "fromlogits-audit"
Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
AUDITED = click.Path(readable=False, allow_dash=True, path_type=Path)
"""What may not be read is FLA001 and no usage error, so it is left to the audit to find out."""


class Interrupted(BaseException):
    """Ctrl-C has ended the script that ``run`` ran; click would make a message of a KeyboardInterrupt."""


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    FINDINGS = 1
    ERROR = 2
    """A wrong call, or a bug of ours."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: run the command and leave the process with its exit status.

    A scan leaves millions of small objects behind. Collecting among them while it runs and freeing
    them one by one at the end costs more than parsing did, and the process ends anyway.
    """
    gc.disable()
    lean.claim()
    _open_streams()
    try:
        status = run(arguments)
    except Interrupted:
        sys.excepthook = lambda *_: None  # it was printed when it happened
        raise KeyboardInterrupt from None
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        status = ExitCode.ERROR
    os._exit(status)


def _open_streams() -> None:
    """A standard stream that the caller has closed is None; what goes there is lost, as with print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - a device, open to the end


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. Every error ends here."""
    try:
        return int(cli.main(arguments, prog_name=PROGRAM, standalone_mode=False) or ExitCode.OK)
    except click.ClickException as error:
        error.show()
    except UsageError as error:
        note(f"error: {error}")
    except (click.Abort, KeyboardInterrupt):
        note("interrupted")
    except BrokenPipeError:
        _silence_stdout()
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            note(f"error: {error.strerror}")
        else:
            report_bug(error)
    return ExitCode.ERROR


def report_bug(error: Exception) -> None:
    note(f"{PROGRAM} {__version__} failed: {type(error).__name__}: {error}")
    note("This is a bug in the tool, not in your code. Please report it with what you ran.")
    if os.environ.get(DEBUG):
        import traceback

        note("".join(traceback.format_exception(error)).rstrip())
    else:
        note(f"Set {DEBUG}=1 to see the traceback.")


def note(text: str) -> None:
    click.echo(text, err=True)


def _silence_stdout() -> None:
    """Whoever read our output has gone: let the interpreter's last flush go nowhere."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


class Commands(click.Group):
    """The commands; those in modules of their own are loaded when they are asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *_LATER])

    def all(self) -> dict[str, click.Command]:
        """Every command by its name, loaded."""
        context = click.Context(self)
        found = ((name, self.get_command(context, name)) for name in self.list_commands(context))
        return {name: command for name, command in found if command is not None}

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _LATER:
            return super().get_command(context, name)
        module = import_module(f"fromlogits_audit.commands.{_LATER[name]}")
        found: click.Command = getattr(module, name)
        return found


_LATER = {"cache": "cache", "explain": "pages", "rules": "pages", "run": "run", "scan": "scan"}
"""Command to its module in ``commands``, where it has the command's name."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Find Keras losses that disagree with what their model returns.

    Exit status: 0 nothing found at or above --fail-on, 1 findings, 2 a usage or internal error.
    """


def report_options(command: Command) -> Command:
    """The options of every command that ends in a report."""
    options: list[Callable[[Any], Any]] = [
        click.option("--output-format", type=click.Choice(FORMATS), help="Default: text."),
        click.option(
            "--output-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Instead of stdout (-).",
        ),
        click.option("--select", multiple=True, metavar="CODES", help="Only these rules: FLA101,FLA2 ..."),
        click.option("--ignore", multiple=True, metavar="CODES", help="All but these rules."),
        click.option(
            "--fail-on",
            type=click.Choice(("error", "warning", "never")),
            help="The least severity that gives exit status 1. Default: warning.",
        ),
        click.option("--exit-zero", is_flag=True, help="Exit status 0 whatever is found."),
        click.option("--strict", is_flag=True, help="A site that could not be decided is an error (FLA002)."),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Instead of the nearest pyproject.toml.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Findings only, no summary."),
        click.option("--keras", type=click.Choice(("2", "3")), help="Which Keras runs the code."),
        click.option(
            "--backend", type=click.Choice(("tensorflow", "jax", "torch")), help="Which backend runs it."
        ),
        click.option("--show-sites", is_flag=True, help="List every loss and metric that was checked."),
        click.option("--statistics", is_flag=True, help="Count the findings of each rule."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


executor_option = click.option(
    "--executor",
    metavar="dask://HOST:PORT",
    help="Spread the work over the Dask cluster with this scheduler.",
)


@contextmanager
def executor_of(settings: Settings) -> Iterator[Executor | None]:
    """What --executor names; it is reached when there is work for it."""
    if settings.executor is None:
        yield None
        return
    from fromlogits_audit.elsewhere import Dask

    with Dask(settings.executor) as executor:
        yield executor


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=AUDITED)
@report_options
@click.option("--loss", metavar="SPEC", help="Audit against this loss, not the stored one: mse, 'X(a=1)' ...")
@click.option("--source", type=click.Path(path_type=Path), metavar="PATH", help="Take the losses from code.")
@click.option("--probe/--no-probe", default=None, help="Load each model with TensorFlow and measure it.")
@click.option("--trust", is_flag=True, help="Let --probe run code that is stored in a model.")
@executor_option
def model(
    paths: tuple[Path, ...],
    config: Path | None,
    loss: str | None,
    source: Path | None,
    probe: bool | None,
    trust: bool,
    **options: Any,
) -> ExitCode:
    """Audit saved models: .keras, .h5, SavedModel. None of them is run; a folder is walked."""
    from fromlogits_audit import model_pipeline

    if loss is not None and source is not None:
        raise UsageError("--loss and --source can't be used together.")
    settings = settings_of(list(paths), config, options)
    measure = settings.probe if probe is None else probe
    asked = model_pipeline.ModelOptions(loss, source, measure, trust)
    with executor_of(settings) as executor:
        report = model_pipeline.audit_models(
            paths, settings, asked, progress=_progress(settings), executor=executor
        )
    return deliver(report, settings)


def _progress(settings: Settings) -> Callable[[Sequence[Any]], Any] | None:
    """A progress bar on standard error, where that is a terminal."""
    if settings.quiet or not sys.stderr.isatty():
        return None
    from rich.console import Console
    from rich.progress import track

    return lambda models: track(models, "Auditing", console=Console(stderr=True), transient=True)


def settings_of(paths: Sequence[Path], config: Path | None, options: dict[str, Any]) -> Settings:
    """The configuration with what the command line says instead."""
    from dataclasses import replace

    from fromlogits_audit.config import codes, load, words

    _check_here()
    _refuse_empty(options)
    given: dict[str, Any] = {
        "select": codes(word for value in options["select"] for word in words(value)),
        "ignore": codes(word for value in options["ignore"] for word in words(value)),
        "exclude": tuple(word for value in options.get("exclude", ()) for word in words(value)),
        "fail_on": options["fail_on"],
        "strict": options["strict"],
        "output_format": options["output_format"],
        "keras": int(options["keras"]) if options["keras"] else None,
        "backend": options["backend"],
        **{key: options.get(key) for key in _ALIKE},
    }
    loaded = load(paths, config)
    if given["exclude"]:
        loaded = replace(loaded, exclude_root=None)
    settings = replace(loaded, **{key: value for key, value in given.items() if value})
    return replace(settings, output_file=None) if settings.output_file == Path("-") else settings


_ALIKE = (
    "baseline", "changed_since", "diff", "executor", "exit_zero", "fix", "jobs", "no_cache", "output_file",
    "quiet", "show_sites", "statistics", "unsafe_fixes",
)  # fmt: skip
"""Options that are settings of the same name and type."""


def _refuse_empty(options: dict[str, Any]) -> None:
    """What narrows a run has to say to what: a variable of a script that is not set would widen it."""
    from fromlogits_audit.config import words

    changed = options.get("changed_since")
    given = {
        "select": options["select"],
        "exclude": options.get("exclude", ()),
        "changed-since": () if changed is None else (changed,),
    }
    for name, values in given.items():
        if not all(map(words, values)):
            raise UsageError(f"--{name} is empty: leave it out to have all.")


def cache_folder(paths: Sequence[Path]) -> Path:
    """Where a scan of ``paths`` keeps its cache: beside the configuration, else in the current folder."""
    from fromlogits_audit.cache import FOLDER
    from fromlogits_audit.config import find

    _check_here()
    config = find(paths)
    return (config.parent if config is not None else Path.cwd()) / FOLDER


def _check_here() -> None:
    """Raises UsageError where the current folder has been removed: paths could not be told."""
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"the current folder can't be used: {error.strerror or error}") from error


def deliver(report: Report, settings: Settings) -> ExitCode:
    """Write the report where it belongs and say how the run ended."""
    if settings.output_file is not None and shown_path(settings.output_file, Path.cwd()) in report.paths:
        raise UsageError(f"--output-file would overwrite {settings.output_file}, which was checked.")
    write(rendered(report, settings), settings.output_file)
    note_beside(report, settings)
    return outcome(report, settings)


def outcome(report: Report, settings: Settings) -> ExitCode:
    failed = report.fails(settings.threshold) and not settings.exit_zero
    return ExitCode.FINDINGS if failed else ExitCode.OK


def rendered(report: Report, settings: Settings) -> str:
    """The report as the settings and the terminal want it."""
    from fromlogits_audit import terminal
    from fromlogits_audit.reporters.interface import reporter

    style = Style(
        colour=settings.output_file is None and terminal.wants_colour(),
        width=terminal.columns(),
        quiet=settings.quiet,
        show_sites=settings.show_sites,
        statistics=settings.statistics,
    )
    return reporter(settings.output_format)(report, style)


def note_beside(report: Report, settings: Settings) -> None:
    """What goes to standard error beside a report."""
    from fromlogits_audit.reporters.excerpt import visible

    for one in () if settings.quiet else report.notes:
        note(visible(one))  # it may quote what an audited file says
    if settings.statistics and settings.output_format in MACHINE_FORMATS:
        _note_statistics(report)


def _note_statistics(report: Report) -> None:
    """A document for a program holds nothing else, so the counts go beside it."""
    from fromlogits_audit.reporters.wording import statistics

    for line in statistics(report):
        note(line)


def write(text: str, output_file: Path | None) -> None:
    """To a file as UTF-8, or to standard output as it is encoded; what can't be written is escaped."""
    if output_file is not None:
        _write_file(text, output_file)
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        click.echo(text.encode(encoding, "backslashreplace"), nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader had enough (`| head`). The exit status still says what was found.
        _silence_stdout()
    except OSError as error:
        _silence_stdout()
        raise UsageError(f"cannot write to standard output: {error.strerror or error}") from error


def _write_file(text: str, output_file: Path) -> None:
    from fromlogits_audit.writing import write_report

    try:
        write_report(output_file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"cannot write {output_file}: {error.strerror or error}") from error
