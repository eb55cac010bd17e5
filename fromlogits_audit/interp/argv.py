"""A command line as argparse itself reads it: what it says of options is what a run would say."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def parsed(
    arguments: Sequence[tuple[Sequence[str], Mapping[str, Any]]], words: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """The options that some words set, as texts, without those that are not given; and the words left over.

    ``arguments``: flags and settings of each, with nothing that argparse would call. Raises ValueError or
    TypeError where argparse refuses the words or the settings.
    """
    if sum(_is_open(flags, settings) for flags, settings in arguments) > MAX_OPEN:
        raise ValueError("more open positional arguments than are told apart")
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    try:
        for flags, settings in arguments:
            parser.add_argument(*flags, **_read(settings))
        found, rest = parser.parse_known_args(list(words))
    except (argparse.ArgumentError, IndexError) as error:  # IndexError: a flag that is an empty text
        raise ValueError(str(error)) from error
    return vars(found), rest


def _is_open(flags: Sequence[str], settings: Mapping[str, Any]) -> bool:
    """Whether a positional argument takes any number of words: each of them doubles what argparse tries."""
    return not flags[0].startswith("-") and not takes_a_number(settings)


def takes_a_number(settings: Mapping[str, Any]) -> bool:
    """Whether it is fixed how many words an argument takes."""
    return isinstance(settings.get("nargs"), (int, type(None)))


def _read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that neither print, nor end the program, nor ask for any number of words."""
    action, nargs = settings.get("action", "store"), settings.get("nargs")
    if action not in _ACTIONS or (isinstance(nargs, int) and nargs > MAX_VALUES):
        raise ValueError(f"action {action}, {nargs} values")
    return {**settings, "action": _ACTIONS[action]}


MAX_VALUES = 64
MAX_OPEN = 3
_ACTIONS: dict[Any, Any] = {
    name: name for name in ("append", "count", "extend", "store", "store_const", "store_false", "store_true")
}
_ACTIONS["argparse.BooleanOptionalAction"] = argparse.BooleanOptionalAction
