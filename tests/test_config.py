"""The configuration: what is read, from where, and what is said of every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from fromlogits_audit.config import LossLike, Settings, codes, find, load, nearest, pinned_runtime
from fromlogits_audit.errors import ConfigError, UsageError
from fromlogits_audit.finding import Severity
from fromlogits_audit.ir import Scale
from fromlogits_audit.pins import parse_requirement, pinned_by

EVERYTHING = """
[tool.fromlogits-audit]
select = ["FLA1", "fla2"]
ignore = ["FLA201"]
exclude = ["legacy/"]
fail-on = "error"
strict = true
output-format = "concise"
keras = 2
backend = "jax"
baseline = "ci/baseline.json"
changed-since = "origin/main"
exit-zero = true
quiet = true
show-sites = true
statistics = true
output-file = "report.txt"
jobs = 2
no-cache = true
fix = true
unsafe-fixes = true
diff = true
probe = true
executor = "dask://host:1"

[tool.fromlogits-audit.per-file-ignores]
"examples/*.py" = ["FLA101"]

[tool.fromlogits-audit.severity]
FLA305 = "warning"

[tool.fromlogits-audit.outputs]
"pkg.heads.build" = "logits"

[tool.fromlogits-audit.losses]
"pkg.losses.MyFocal" = {like = "BinaryFocalCrossentropy", from_logits = true}
"pkg.losses.Mine" = {like = "Dice"}
"""


def configured(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_every_key_is_read(tmp_path: Path) -> None:
    assert load([configured(tmp_path, EVERYTHING)]) == Settings(
        select=("FLA1", "FLA2"),
        ignore=("FLA201",),
        exclude=("legacy/",),
        fail_on="error",
        strict=True,
        output_format="concise",
        keras=2,
        backend="jax",
        baseline=tmp_path / "ci" / "baseline.json",
        changed_since="origin/main",
        exit_zero=True,
        quiet=True,
        show_sites=True,
        statistics=True,
        output_file=tmp_path / "report.txt",
        jobs=2,
        no_cache=True,
        fix=True,
        unsafe_fixes=True,
        diff=True,
        probe=True,
        executor="dask://host:1",
        per_file_ignores={"examples/*.py": ("FLA101",)},
        severity={"FLA305": Severity.WARNING},
        outputs={"pkg.heads.build": Scale.LOGITS},
        losses={
            "pkg.losses.MyFocal": LossLike("BinaryFocalCrossentropy", from_logits=True),
            "pkg.losses.Mine": LossLike("Dice"),
        },
        root=tmp_path,
        exclude_root=tmp_path,
    )


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("select = 'fla1, FLA201'", "select", ("FLA1", "FLA201")),
        ("ignore = 'FLA1'", "ignore", ("FLA1",)),
        ("exclude = 'a,b/'", "exclude", ("a", "b/")),
        ("per-file-ignores.'*.py' = 'FLA1,FLA2'", "per_file_ignores", {"*.py": ("FLA1", "FLA2")}),
        ("keras = '3'", "keras", 3),
    ],
)
def test_a_value_may_be_written_as_on_the_command_line(
    tmp_path: Path, text: str, field: str, expected: object
) -> None:
    loaded = load([configured(tmp_path, f"[tool.fromlogits-audit]\n{text}\n")])
    assert getattr(loaded, field) == expected


def test_the_nearest_file_above_the_first_path_decides(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    (inner / "deep").mkdir(parents=True)
    configured(tmp_path, "[tool.fromlogits-audit]\nstrict = true\n")
    configured(inner, "[project]\n")
    script = inner / "deep" / "train.py"
    script.touch()
    assert find([script, tmp_path]) == inner / "pyproject.toml"
    assert load([script]) == Settings(root=inner)
    assert load([tmp_path, script]).strict


def test_a_file_given_by_name_goes_first(tmp_path: Path) -> None:
    configured(tmp_path, "[tool.fromlogits-audit]\nkeras = 2\n")
    other = tmp_path / "other.toml"
    other.write_text("[tool.fromlogits-audit]\nkeras = 3\n", encoding="utf-8")
    assert load([tmp_path], other).keras == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sellect = []", ["sellect", "'select'"]),
        ("select = 'FLA1, FLA999'", ["select", "'FLA999'"]),
        ("select = 1", ["select", "list of strings"]),
        ("select = [1]", ["select", "list of strings"]),
        ("select = ['FLA999']", ["select", "'FLA999'"]),
        ("ignore = ['']", ["ignore", "no rule"]),
        ("strict = 1", ["strict", "true or false"]),
        ("fail-on = 'warn'", ["fail-on", "'warning'"]),
        ("output-format = 'jsn'", ["output-format", "'json'"]),
        ("keras = '4'", ["keras", "2, 3"]),
        ("keras = true", ["keras", "2, 3"]),
        ("backend = 'tensorfow'", ["backend", "'tensorflow'"]),
        ("severity = 'error'", ["severity", "table"]),
        ("severity.FLA1O1 = 'error'", ["severity.FLA1O1", "'FLA101'"]),
        ("severity.FLA101 = 'eror'", ["severity.FLA101", "'error'"]),
        ("outputs.'a.b' = 'logit'", ["outputs.a.b", "'logits'"]),
        ("outputs.'a.b' = 'unknown'", ["outputs.a.b", "should be one of"]),
        ("losses.'a.B' = 'Dice'", ["losses.a.B", "table"]),
        ("losses.'a.B' = {from_logits = true}", ["losses.a.B", "like"]),
        ("losses.'a.B' = {like = 'Dice', from_logit = true}", ["losses.a.B.from_logit", "'from_logits'"]),
        ("losses.'a.B' = {like = 'Dice', from_logits = 'yes'}", ["from_logits", "true or false"]),
        ("losses.'a.B' = {like = 'BinaryCrossentropi'}", ["losses.a.B.like", "'BinaryCrossentropy'"]),
        ("losses.'a.B' = {like = 'Dice', from_logits = true}", ["from_logits", "Dice has no from_logits"]),
        ("baseline = 3", ["baseline", "string"]),
        ("jobs = 0", ["jobs", "whole number"]),
        ("jobs = true", ["jobs", "whole number"]),
        ("shard = '1/2'", ["shard", "command line"]),
        ("write-baseline = 'a.json'", ["write-baseline", "command line"]),
        ("per-file-ignores.'*.py' = 1", ["per-file-ignores.*.py", "list of strings"]),
        ("per-file-ignores.'!' = ['FLA101']", ["per-file-ignores", "'!'"]),
        ("exclude = ['a.py', '!']", ["exclude", "'!'"]),
        ("exclude = ['[z-a]']", ["exclude", "bad character range"]),
        ("strict = ", ["not valid TOML"]),
        pytest.param("x = " + "[" * 5_000, ["not valid TOML", "nested"], id="lists in one another"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_the_mend(tmp_path: Path, text: str, said: list[str]) -> None:
    configured(tmp_path, f"[tool.fromlogits-audit]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load([tmp_path])
    for part in (str(tmp_path / "pyproject.toml"), *said):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool]\nfromlogits-audit = 3\n", "[tool.fromlogits-audit] should be a table, not 3."),
        (
            "[tool.fromlogits-audit]\nkeras = '4'\n",
            "[tool.fromlogits-audit] keras: should be one of 2, 3, not '4'.",
        ),
    ],
)
def test_what_a_mistake_is_called(tmp_path: Path, text: str, message: str) -> None:
    file = configured(tmp_path, text) / "pyproject.toml"
    with pytest.raises(ConfigError) as caught:
        load([tmp_path])
    assert str(caught.value) == f"{file}: {message}"


def test_a_file_given_by_name_must_have_the_section(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        load([], configured(tmp_path, "[project]\n") / "pyproject.toml")


def test_a_file_that_is_no_utf_8_is_the_user_s_mistake(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError):
        load([tmp_path])


@pytest.mark.parametrize(
    ("select", "ignore", "code", "expected"),
    [
        ((), (), "FLA101", True),
        (("FLA1",), (), "FLA101", True),
        (("FLA1",), (), "FLA201", False),
        ((), ("FLA1",), "FLA101", False),
        (("FLA101",), ("FLA1",), "FLA101", True),
        (("FLA1",), ("FLA101",), "FLA101", False),
        (("FLA101",), ("FLA101",), "FLA101", False),
    ],
)
def test_the_longest_prefix_decides(
    select: tuple[str, ...], ignore: tuple[str, ...], code: str, expected: bool
) -> None:
    assert Settings(select=select, ignore=ignore).enabled(code) is expected


def test_codes_are_case_blind_and_checked() -> None:
    assert codes(["fla1", "FLA201"]) == ("FLA1", "FLA201")
    assert codes("fla1") == ("FLA1",)
    with pytest.raises(UsageError, match=r"'FLA1O1'.*Did you mean 'FLA101'"):
        codes(["FLA1O1"])


def test_a_word_that_is_near_to_nothing_gets_no_advice() -> None:
    assert nearest("zzz", ["FLA101"]) == ""


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (["keras<3"], 2),
        (["keras==2.15.0"], 2),
        (["keras==2.*"], 2),
        (["keras>=3"], 3),
        (["keras~=3.0"], 3),
        (["Keras >= 3.4, < 4"], 3),
        (["keras"], None),
        (["keras>=2.4"], None),  # both 2 and 3 are allowed
        (["keras!=2.9"], None),
        (["tensorflow<2.16"], 2),
        (["tensorflow<2.16.0"], 2),
        (["tensorflow==2.15"], 2),
        (["tensorflow==2.15.*"], 2),
        (["tensorflow~=2.15.0"], 2),
        (["tensorflow~=2.15"], None),  # allows 2.16
        (["tensorflow<=2.15.1"], 2),
        (["tensorflow<=2.16"], None),
        (["tensorflow>=2.4,<2.11"], 2),
        (["tensorflow-gpu==1.15"], 2),
        (["tensorflow[and-cuda]>=2.16"], 3),
        (["tensorflow==2.17"], 3),
        (["tensorflow>=2.16.1 ; python_version > '3.8'"], 3),
        (["tensorflow"], None),
        (["tensorflow>=2.10"], None),
        (["tensorflow_cpu==2.19.0"], 3),
        (["tf_keras"], 2),
        (["tf-keras~=2.17"], 2),
        (["tensorflow>=2.16", "tf_keras"], 2),
        (["keras>=3", "tf_keras"], None),  # both are there: which one a file uses is not known
        (["keras>=3", "tensorflow==2.15"], 3),
        (["tensorflow==2.15; python_version<'3.9'", "tensorflow==2.18; python_version>='3.9'"], None),
        (["keras-tuner<3", "keras_cv"], None),
        (["# keras<3", "-r other.txt", ""], None),
        (["tensorflow @ https://example.org/tf.whl"], None),
    ],
)
def test_what_requirements_pin(requirements: list[str], expected: int | None) -> None:
    assert pinned_by(pair for line in requirements if (pair := parse_requirement(line))) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("requirements.txt", "numpy\nkeras<3  # old\n", 2),
        pytest.param("requirements.txt", "keras==" + "9" * 5_000, 3, id="more digits than Python counts"),
        pytest.param("requirements.txt", "keras<" + "0" * 5_000 + "3", 2, id="leading zeros"),
        pytest.param("pyproject.toml", "x = " + "[" * 5_000, None, id="lists in one another"),
        ("requirements-train.txt", "tensorflow==2.18\n", 3),
        ("pyproject.toml", '[project]\ndependencies = ["tensorflow>=2.16"]\n', 3),
        ("pyproject.toml", '[project.optional-dependencies]\ntf = ["tensorflow>=2.16"]\n', 3),
        (
            "pyproject.toml",
            '[dependency-groups]\nlint = ["ruff"]\ntf = ["keras<3", {include-group = "x"}]',
            2,
        ),
        ("pyproject.toml", "project = 1\ndependency-groups = {a = 1, b = [2]}\n", None),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntensorflow = "^2.16"\n', 3),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntensorflow = {version = "~2.15"}\n', 2),
        ("pyproject.toml", '[tool.poetry.dependencies]\nkeras = "2.15.0"\n', 2),
        ("pyproject.toml", '[tool.poetry.dependencies]\nkeras = "^2.4 || ^3"\n', None),
        ("pyproject.toml", "not toml [", None),
        ("setup.cfg", "[options]\ninstall_requires =\n    numpy\n    keras>=3\n", 3),
        ("setup.cfg", "[options.extras_require]\ndocs = sphinx\ntf =\n    numpy\n    keras>=3\n", 3),
        ("setup.cfg", "no section", None),
        ("README.md", "keras<3", None),
    ],
)
def test_where_pins_are_read_from(tmp_path: Path, name: str, text: str, expected: int | None) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert pinned_runtime(tmp_path / "src") == expected


@pytest.mark.parametrize(
    ("required", "extras", "expected"),
    [
        ("numpy", ["keras>=3", "tensorflow==2.18"], 3),
        ("numpy", ["keras>=3", "numpy", "tensorflow"], 3),  # the last ones pin nothing
        ("numpy", ["keras>=3", "tensorflow==2.15"], None),
        ("numpy", ["tensorflow==2.18", "tf_keras"], None),  # either may be installed
        ("numpy", ["tensorflow==2.18", 'keras>=3", "tf_keras'], None),  # the second installs both
        ("keras>=3", ["tf_keras"], 3),
        ("keras", ["keras>=3"], None),  # both are allowed, and an extra is one of them
    ],
)
def test_extras_count_where_nothing_else_is_required_and_all_agree(
    tmp_path: Path, required: str, extras: list[str], expected: int | None
) -> None:
    lines = [f'extra{number} = ["{line}"]\n' for number, line in enumerate(extras)]
    for table in ("project.optional-dependencies", "dependency-groups"):
        text = f'[project]\ndependencies = ["{required}"]\n[{table}]\n{"".join(lines)}'
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        assert pinned_runtime(tmp_path) == expected


def test_the_nearest_folder_that_names_keras_decides(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "requirements.txt").write_text("keras<3\n", encoding="utf-8")
    (inner / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    assert pinned_runtime(inner) == 2
    (inner / "requirements.txt").write_text("keras\n", encoding="utf-8")
    assert pinned_runtime(inner) is None


def test_nothing_above_the_repository_is_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras<3\n", encoding="utf-8")
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert pinned_runtime(tmp_path / "repo") is None
