"""Settings: ``[tool.fromlogits-audit]`` of the nearest pyproject.toml, and what may override it.

Every mistake is a :class:`~fromlogits_audit.errors.ConfigError` that names the file, the key and, for a
word that is not known, the nearest that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from fromlogits_audit.catalogue.losses import LOSSES
from fromlogits_audit.errors import ConfigError, UsageError
from fromlogits_audit.finding import Severity
from fromlogits_audit.gitpatterns import git_patterns
from fromlogits_audit.ir import Scale
from fromlogits_audit.lean import dataclass
from fromlogits_audit.reporters.interface import FORMATS
from fromlogits_audit.rules import RULES

__all__ = ["BACKENDS", "FAIL_ON", "KERAS", "LossLike", "Settings", "load", "nearest", "pinned_runtime"]

BACKENDS = ("tensorflow", "jax", "torch")
KERAS = (2, 3)
FAIL_ON = ("error", "warning", "never")
_SECTION = "tool.fromlogits-audit"


@dataclass(frozen=True)
class LossLike:
    """What the project says of a loss that the code can't tell: it behaves as Keras's ``like``."""

    like: str
    from_logits: bool | None = None


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. The defaults are those of the command.

    ``select`` and ``ignore`` hold codes or prefixes; an empty ``select`` means every rule.
    ``root`` is the folder of the configuration file: ``per_file_ignores`` counts from there, and ``exclude``
    from ``exclude_root``, or the current folder where that is None.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str = "warning"
    strict: bool = False
    output_format: str = "text"
    keras: int | None = None
    backend: str | None = None
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    outputs: Mapping[str, Scale] = field(default_factory=dict)
    losses: Mapping[str, LossLike] = field(default_factory=dict)
    baseline: Path | None = None
    changed_since: str | None = None
    exit_zero: bool = False
    quiet: bool = False
    show_sites: bool = False
    statistics: bool = False
    output_file: Path | None = None
    jobs: int | None = None
    no_cache: bool = False
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    probe: bool = False
    executor: str | None = None
    root: Path | None = None
    exclude_root: Path | None = None

    def enabled(self, code: str) -> bool:
        """Whether a rule reports: the longest prefix that names it decides, on a tie ``ignore``."""
        return _longest(self.select or ("",), code) > _longest(self.ignore, code)

    def asks_for(self, code: str) -> bool:
        """Whether a rule that is off by default is named in full, or given a severity."""
        return code in self.select or self.severity.get(code, Severity.OFF) is not Severity.OFF

    @property
    def threshold(self) -> Severity | None:
        """The least severity that fails a run; None: nothing does."""
        return None if self.fail_on == "never" else Severity(self.fail_on)


def pinned_runtime(folder: Path) -> int | None:
    """The Keras that the project around ``folder`` pins (:mod:`fromlogits_audit.pins`)."""
    from fromlogits_audit.pins import pinned_runtime as pinned

    return pinned(folder)


def _longest(prefixes: Iterable[str], code: str) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` Did you mean X?`` for the known word that is nearest, or nothing."""
    import difflib  # Few words are wrong.

    by_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_case, n=1, cutoff=0.5)
    return f" Did you mean {by_case[close[0]]!r}?" if close else ""


def load(paths: Sequence[Path], config: Path | None = None) -> Settings:
    """The settings for a run over ``paths``, from ``config`` or the nearest pyproject.toml.

    Raises ConfigError where the file can't be read or says what can't be.
    """
    path = config or find(paths)
    if path is None:
        return Settings()
    document = _document(path)
    section = _table(document.get("tool", {}), _Place(path, "tool")).get("fromlogits-audit")
    if section is None:
        if config is not None:
            raise ConfigError(f"{path}: there is no [{_SECTION}] in it.")
        return Settings(root=path.resolve().parent)
    settings = Settings(root=path.resolve().parent, **_parsed(section, _Place(path)))
    folder = path.resolve().parent
    return replace(
        settings,
        baseline=folder / settings.baseline if settings.baseline else None,
        output_file=folder / settings.output_file if settings.output_file else None,
        # A file given by name may lie anywhere: its patterns are about the current folder, as with ruff.
        exclude_root=folder if settings.exclude and config is None else None,
    )


def find(paths: Sequence[Path]) -> Path | None:
    """The nearest pyproject.toml in or above the first path (or the current folder)."""
    first = (paths[0] if paths else Path()).absolute()
    folders = (first, *first.parents) if first.is_dir() else first.parents
    return next((found for folder in folders if (found := folder / "pyproject.toml").is_file()), None)


def _document(path: Path) -> dict[str, Any]:
    try:
        from fromlogits_audit.toml import read_toml

        return read_toml(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}.") from error


@dataclass(frozen=True)
class _Place:
    """Where a value stands, for the message about it."""

    path: Path
    key: str = ""

    def at(self, key: str) -> _Place:
        return _Place(self.path, f"{self.key}.{key}" if self.key else key)

    def wrong(self, complaint: str) -> ConfigError:
        key = f" {self.key}:" if self.key else ""
        return ConfigError(f"{self.path}: [{_SECTION}]{key} {complaint}")


def _table(value: object, place: _Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise place.wrong(f"should be a table, not {value!r}.")
    return value


def _parsed(section: object, place: _Place) -> dict[str, Any]:
    """The keyword arguments of Settings that a section stands for."""
    settings = {}
    for key, value in _table(section, place).items():
        if key in COMMAND_LINE_ONLY:
            raise place.at(key).wrong("is about one run: give it on the command line.")
        if key not in KEYS:
            raise place.at(key).wrong(f"is not a setting.{nearest(key, KEYS)}")
        settings[key.replace("-", "_")] = KEYS[key](value, place.at(key))
    return settings


def _strings(value: object, place: _Place) -> tuple[str, ...]:
    """A list; a text alone is what an option that is given once says."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise place.wrong(f"should be a string or a list of strings, not {value!r}.")
    return tuple(value)


def _bool(value: object, place: _Place) -> bool:
    if not isinstance(value, bool):
        raise place.wrong(f"should be true or false, not {value!r}.")
    return value


def _codes(value: object, place: _Place) -> tuple[str, ...]:
    try:
        return codes(words(value) if isinstance(value, str) else _strings(value, place))
    except ConfigError:
        raise
    except UsageError as error:
        raise place.wrong(str(error)) from error


def words(text: str) -> list[str]:
    """The values of an option that may hold commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def codes(words: Iterable[str]) -> tuple[str, ...]:
    """Rule codes and prefixes in upper case; a text alone is one of them. Raises UsageError for one that no
    rule begins with."""
    known = [rule.code for rule in RULES]
    words = (words,) if isinstance(words, str) else tuple(words)
    for word in words:
        if not word or not any(code.startswith(word.upper()) for code in known):
            raise UsageError(f"{word!r} is no rule and no prefix of one.{nearest(word, known)}")
    return tuple(word.upper() for word in words)


def _text(value: object, place: _Place) -> str:
    if not isinstance(value, str) or not value:
        raise place.wrong(f"should be a string, not {value!r}.")
    return value


def _path(value: object, place: _Place) -> Path:
    return Path(_text(value, place))


def _positive(value: object, place: _Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise place.wrong(f"should be a whole number from 1, not {value!r}.")
    return value


def _one_of(*choices: str | int) -> Callable[[object, _Place], str | int]:
    def parse(value: object, place: _Place) -> str | int:
        # `True in (1, 2)` holds in Python: the types have to agree too.
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            allowed = ", ".join(repr(choice) for choice in choices)
            texts = [choice for choice in choices if isinstance(choice, str)]
            raise place.wrong(f"should be one of {allowed}, not {value!r}.{nearest(str(value), texts)}")
        assert isinstance(value, (str, int))
        return value

    return parse


def _keras(value: object, place: _Place) -> str | int:
    """A number; as a text too, which the command line has."""
    as_text = isinstance(value, str) and value in map(str, KERAS)
    return _one_of(*KERAS)(int(str(value)) if as_text else value, place)


def _patterns(value: object, place: _Place) -> tuple[str, ...]:
    patterns = tuple(words(value)) if isinstance(value, str) else _strings(value, place)
    _check_patterns(patterns, place)
    return patterns


def _check_patterns(patterns: Iterable[str], place: _Place) -> None:
    """All at once: a pattern that is none is rare, and each check compiles it."""
    try:
        git_patterns(patterns)
    except UsageError as error:
        raise place.wrong(str(error)) from error


def _per_file_ignores(value: object, place: _Place) -> dict[str, tuple[str, ...]]:
    rows = _table(value, place)
    _check_patterns(rows, place)
    return {pattern: _codes(named, place.at(pattern)) for pattern, named in rows.items()}


def _severities(value: object, place: _Place) -> dict[str, Severity]:
    parse = _one_of(*(severity.value for severity in Severity))
    known = [rule.code for rule in RULES]
    parsed = {}
    for code, word in _table(value, place).items():
        if code.upper() not in known:
            raise place.at(code).wrong(f"is no rule.{nearest(code, known)}")
        parsed[code.upper()] = Severity(parse(word, place.at(code)))
    return parsed


def _outputs(value: object, place: _Place) -> dict[str, Scale]:
    parse = _one_of(*(scale.value for scale in Scale if scale is not Scale.UNKNOWN))
    return {name: Scale(parse(word, place.at(name))) for name, word in _table(value, place).items()}


def _losses(value: object, place: _Place) -> dict[str, LossLike]:
    return {name: _loss(row, place.at(name)) for name, row in _table(value, place).items()}


def _loss(value: object, place: _Place) -> LossLike:
    row = _table(value, place)
    for key in row:
        if key not in ("like", "from_logits"):
            raise place.at(key).wrong(f"is not a setting.{nearest(key, ('like', 'from_logits'))}")
    if not isinstance(row.get("like"), str):
        raise place.wrong('should say which Keras loss it is like: {like = "BinaryCrossentropy"}.')
    given = row.get("from_logits")
    flag = None if given is None else _bool(given, place.at("from_logits"))
    _known_loss(row["like"], flag, place)
    return LossLike(row["like"], flag)


def _known_loss(like: str, flag: bool | None, place: _Place) -> None:
    """Refuses a loss that Keras does not have, and a flag for one that takes none."""
    specs = {spec.name: spec for spec in LOSSES}
    if like not in specs:
        raise place.at("like").wrong(f"{like!r} is no Keras loss class.{nearest(like, specs)}")
    if flag is not None and not specs[like].has_flag:
        raise place.at("from_logits").wrong(f"{like} has no from_logits.")


COMMAND_LINE_ONLY = frozenset(
    {"add-noqa", "config", "loss", "shard", "source", "stdin-filename", "trust", "write-baseline"}
)

KEYS: Mapping[str, Callable[[object, _Place], object]] = {
    "select": _codes,
    "ignore": _codes,
    "exclude": _patterns,
    "fail-on": _one_of(*FAIL_ON),
    "strict": _bool,
    "output-format": _one_of(*FORMATS),
    "keras": _keras,
    "backend": _one_of(*BACKENDS),
    "per-file-ignores": _per_file_ignores,
    "severity": _severities,
    "outputs": _outputs,
    "losses": _losses,
    "baseline": _path,
    "changed-since": _text,
    "exit-zero": _bool,
    "quiet": _bool,
    "show-sites": _bool,
    "statistics": _bool,
    "output-file": _path,
    "jobs": _positive,
    "no-cache": _bool,
    "fix": _bool,
    "unsafe-fixes": _bool,
    "diff": _bool,
    "probe": _bool,
    "executor": _text,
}
