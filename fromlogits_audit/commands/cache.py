"""``fromlogits-audit cache clean``: drop what earlier runs remembered."""

from __future__ import annotations

from pathlib import Path

import click

from fromlogits_audit import cli
from fromlogits_audit.errors import UsageError


@click.group()
def cache() -> None:
    """Look after the cache that earlier scans have left."""


@cache.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
def clean(path: Path | None) -> cli.ExitCode:
    """Drop the cache that a scan of PATH uses. Default: the current folder."""
    from fromlogits_audit.cache import clean as dropped

    folder = cli.cache_folder([path] if path is not None else [])
    try:
        done = dropped(folder)
    except OSError as error:
        raise UsageError(f"cannot remove {folder}: {error.strerror or error}") from error
    click.echo(f"Removed {folder}." if done else f"There is no cache in {folder.parent}.", err=True)
    return cli.ExitCode.OK
