"""The page of all options, made from the command itself: ``python -m fromlogits_audit.manual``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from fromlogits_audit.cli import PROGRAM, Commands, cli
from fromlogits_audit.config import COMMAND_LINE_ONLY, KEYS

PAGE = "docs/options.md"
_NOTE = "<!-- Made from the command by `python -m fromlogits_audit.manual`: edit the options there. -->"


def render() -> str:
    """Every command with its arguments and options, and the keys of the configuration, in Markdown."""
    lines = ["# Commands and options", "", _NOTE, ""]
    for path, command in _commands(cli, PROGRAM):
        lines += [f"## `{path}`", "", *_about(command), ""]
        rows = [
            _row(option, command)
            for option in command.params
            if isinstance(option, click.Option) and not option.hidden
        ]
        if rows:
            lines += ["| option | what it does | in pyproject.toml |", "| --- | --- | --- |", *rows, ""]
    lines += [
        "## Keys of `[tool.fromlogits-audit]`",
        "",
        ", ".join(f"`{key}`" for key in sorted(KEYS)) + ".",
        "",
    ]
    lines += [
        "On the command line only: " + ", ".join(f"`--{key}`" for key in sorted(COMMAND_LINE_ONLY)) + "."
    ]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        inside = command.all() if isinstance(command, Commands) else command.commands
        for name, inner in inside.items():
            yield from _commands(inner, f"{path} {name}")


def _about(command: click.Command) -> list[str]:
    context = click.Context(command, info_name="", **cli.context_settings)
    usage = " ".join(command.collect_usage_pieces(context))
    text = " ".join((command.help or "").replace("\b", "").split())
    return [*([text, ""] if text else []), f"Arguments: `{usage}`"]


def _row(option: click.Option, command: click.Command) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag and not option.count:
        names += f" `{_metavar(option)}`"
    reads = any(parameter.name == "config" for parameter in command.params)
    keys = [name[2:] for name in option.opts if reads and name.startswith("--") and name[2:] in KEYS]
    return f"| {names} | {_cell(option.help or '')} | {f'`{keys[0]}`' if keys else ''} |"


def _metavar(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "\\|".join(str(choice) for choice in option.type.choices)
    return option.type.name.upper()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(target: str = PAGE) -> None:
    """Write the page."""
    Path(target).write_text(render(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
