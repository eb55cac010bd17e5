"""``fromlogits-audit scan``: code in, a report out, with what may be done about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fromlogits_audit import cli
from fromlogits_audit.errors import UsageError

if TYPE_CHECKING:
    from fromlogits_audit.cache import Cache
    from fromlogits_audit.config import Settings
    from fromlogits_audit.report import Report


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=cli.AUDITED)
@cli.report_options
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out, as in a .gitignore.")
@click.option("--stdin-filename", metavar="FILE", help="The name of what - reads from standard input.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="How many processes. Default: all cores."
)
@cli.executor_option
@click.option("--no-cache", is_flag=True, envvar="FROMLOGITS_AUDIT_NO_CACHE", help="Analyse everything anew.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely; report what remains.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also change what models return.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@click.option("--baseline", type=cli.FILE, metavar="FILE", help="Leave out the findings parked in this file.")
@click.option("--write-baseline", type=cli.FILE, metavar="FILE", help="Park all findings in this file.")
@click.option("--add-noqa", is_flag=True, help="Write a # noqa comment for every finding.")
@click.option(
    "--changed-since", metavar="REF", help="Report only what touches files changed since a git commit."
)
@click.option("--shard", metavar="I/N", help="Report one of N parts; everything is analysed.")
def scan(
    paths: tuple[Path, ...],
    config: Path | None,
    stdin_filename: str | None,
    **options: Any,
) -> cli.ExitCode:
    """Audit Python files and notebooks; a folder is walked. Default: the current folder."""
    from fromlogits_audit import pipeline, workflow

    from_stdin = _reads_stdin(paths, stdin_filename)
    named = [Path(stdin_filename or "stdin.py")] if from_stdin else list(paths)
    settings = _with_jobs(cli.settings_of(named, config, options))
    asked = workflow.Asked(
        options["write_baseline"],
        options["add_noqa"],
        settings.changed_since,
        options["shard"],
        named[0] if named and not from_stdin else Path(),
    )
    workflow.check(asked, preview=settings.diff)
    if from_stdin:
        _refuse_fixes(options)
        report = pipeline.audit_bytes(sys.stdin.buffer.read(), named[0], settings, cwd=Path.cwd())
    else:
        with cli.executor_of(settings) as executor:
            audit = partial(
                pipeline.audit_source, named, settings, cache=_cache(named, settings), executor=executor
            )
            narrow = partial(workflow.applied, asked=asked.reading, settings=settings, cwd=Path.cwd())
            if settings.diff:
                return _preview(audit, narrow, settings)
            report = _fixed(audit, narrow, unsafe=settings.unsafe_fixes) if settings.fix else audit()
    report = workflow.applied(report, asked, settings, Path.cwd())
    return cli.deliver(report, settings)


def _with_jobs(settings: Settings) -> Settings:
    from dataclasses import replace

    return settings if settings.jobs else replace(settings, jobs=_cores())


def _cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def _cache(paths: list[Path], settings: Settings) -> Cache | None:
    from fromlogits_audit.cache import Cache

    return None if settings.no_cache else Cache(cli.cache_folder(paths))


def _refuse_fixes(options: dict[str, Any]) -> None:
    """What the configuration says of them is for files, and left out here."""
    asked = [name for name in ("fix", "diff", "add_noqa") if options[name]]
    if asked:
        option = asked[0].replace("_", "-")
        raise UsageError(f"--{option} needs files; standard input can't be written back.")


def _fixed(audit: Callable[[], Report], narrow: Callable[[Report], Report], *, unsafe: bool) -> Report:
    from fromlogits_audit import fixes

    return fixes.fix(audit, Path.cwd(), unsafe=unsafe, narrow=narrow)


def _preview(
    audit: Callable[[], Report], narrow: Callable[[Report], Report], settings: Settings
) -> cli.ExitCode:
    """The diff in place of a report. The files stay wrong, and the exit status says so."""
    from fromlogits_audit import fixes

    outcome = fixes.mend(audit, Path.cwd(), unsafe=settings.unsafe_fixes, narrow=narrow)
    cli.write(fixes.diff(outcome), settings.output_file)
    for note in () if settings.quiet else (*outcome.notes, f"Would fix {outcome.summary}."):
        cli.note(note)
    failed = narrow(outcome.found).fails(settings.threshold) and not settings.exit_zero
    return cli.ExitCode.FINDINGS if failed else cli.ExitCode.OK


def _reads_stdin(paths: tuple[Path, ...], stdin_filename: str | None) -> bool:
    dash = any(str(path) == "-" for path in paths)
    if dash and len(paths) > 1:
        raise UsageError("- (standard input) can't be mixed with other paths.")
    if stdin_filename and not dash:
        raise UsageError("--stdin-filename needs - as the only path.")
    return dash
