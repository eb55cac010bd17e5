"""``fromlogits-audit run``: a script under watch, its report at the end."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fromlogits_audit import cli, lean
from fromlogits_audit.errors import UsageError

if TYPE_CHECKING:
    from fromlogits_audit.config import Settings
    from fromlogits_audit.live.script import Ended
    from fromlogits_audit.live.watch import Watch
    from fromlogits_audit.report import Report


@click.command("run", context_settings={"allow_interspersed_args": False})
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, metavar="[ARG]...", type=click.UNPROCESSED)
@cli.report_options
@click.option("--merge", is_flag=True, help="Join what the run shows with what the scan reads in the code.")
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Leave out the findings parked in this file.",
)
def run(script: Path, arguments: tuple[str, ...], merge: bool, config: Path | None, **options: Any) -> None:
    """Run a training script as it is, and check its losses live.

    Every loss that meets an output while the script runs is checked. Options come before SCRIPT; what
    follows it belongs to the script. The report comes after its output. Where the script fails, its exit
    status stays.
    """
    from fromlogits_audit.live import script as scripts
    from fromlogits_audit.live.watch import Watch

    if not script.is_file():
        raise UsageError(f"{script} is no file that could be run.")
    if script.suffix == ".ipynb":
        raise UsageError(f"{script} is a notebook, and run takes scripts; scan reads notebooks.")
    settings = cli.settings_of([script], config, options)
    cwd, mine, stdout = Path.cwd(), os.getpid(), sys.stdout
    lean.claim(False)
    last = _Last()
    atexit.register(last)  # the first to be registered is the last to be called
    gc.enable()
    watch = Watch(cwd)
    watch.start()
    try:
        ended = scripts.run(script, arguments)
    except OSError as error:
        raise UsageError(f"cannot read {script}: {error.strerror or error}") from error
    if os.getpid() != mine:  # a child that the script has forked
        raise SystemExit(ended.status)
    status = _reported(watch, ended, partial(_report, script, settings, cwd, merge), settings, last, stdout)
    _leave(ended, status)


class _Last:
    """What is left to do after everything else."""

    def __init__(self) -> None:
        self.act: Any = None

    def __call__(self) -> None:
        if self.act is not None:
            self.act()


def _reported(
    watch: Watch, ended: Ended, report_of: Any, settings: Settings, last: _Last, stdout: Any
) -> int:
    """Make the report, see that it gets written, and return the exit status."""
    try:
        watch.stop()
        report: Report = report_of(watch)
        if settings.output_file is not None:
            cli.deliver(report, settings)
        else:
            # Rendered now: there is little that still works when the process ends.
            last.act = partial(_print, cli.rendered(report, settings), report, settings, stdout)
    except UsageError as error:
        click.echo(f"error: {error}", err=True)
        return ended.status or cli.ExitCode.ERROR
    except Exception as error:
        cli.report_bug(error)
        return ended.status or cli.ExitCode.ERROR
    return ended.status or cli.outcome(report, settings)


def _report(script: Path, settings: Settings, cwd: Path, merge: bool, watch: Watch) -> Report:
    from fromlogits_audit import watching, workflow

    notes = [f"Some of it could not be watched: {problem}" for problem in watch.problems]
    if merge:
        from fromlogits_audit.pipeline import audit_source

        code = audit_source([script], settings, cwd=cwd)
        report = watching.merged(code, watch.sites, settings, cwd, notes)
    else:
        report = watching.report_on(watch.sites, settings, cwd, notes)
    return workflow.applied(report, workflow.Asked(), settings, cwd)


def _print(text: str, report: Report, settings: Settings, stdout: Any) -> None:
    """Write the report to where standard output led before the script ran."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    if getattr(stdout, "closed", True):
        stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor
    sys.stdout = stdout
    try:
        cli.write(text, None)
    except UsageError as error:
        cli.note(f"error: {error}")
    cli.note_beside(report, settings)


def _leave(ended: Ended, status: int) -> None:
    """End the process as Python would: handlers run, files are closed, Ctrl-C stays Ctrl-C."""
    if ended.interrupted:
        raise cli.Interrupted
    raise SystemExit(int(status))
