"""Which file an import means."""

from __future__ import annotations

from pathlib import Path

import pytest

from fromlogits_audit.source.project import Project, find_root

FILES = [
    "setup.py",
    "main.py",
    "utils.py",
    "keras.py",
    "pkg/__init__.py",
    "pkg/keras.py",
    "pkg/json.py",
    "pkg/models.py",
    "pkg/both.py",
    "pkg/both/__init__.py",
    "pkg/sub/__init__.py",
    "pkg/sub/heads.py",
    "pkg/sub/wandbish.py",
    "src/lib/__init__.py",
    "src/lib/core.py",
    "space/deep/leaf.py",
    "numpy/notes.txt",
    "examples/train.py",
    "examples/utils.py",
    "examples/tensorflow.py",
    "examples/lib/other.py",
    "examples/nested/run.py",
    "examples/data/x.csv",
    "tests/test_a.py",
    "tests/pkg/readme.md",
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Project(tmp_path, [])


@pytest.mark.parametrize(
    ("importer", "module", "level", "expected"),
    [
        pytest.param("main.py", "utils", 0, "utils.py", id="sibling"),
        pytest.param("main.py", "pkg", 0, "pkg/__init__.py", id="package"),
        pytest.param("main.py", "pkg.models", 0, "pkg/models.py", id="module of a package"),
        pytest.param("main.py", "pkg.both", 0, "pkg/both/__init__.py", id="package before module"),
        pytest.param("main.py", "pkg.nothing", 0, None, id="no such module"),
        pytest.param("main.py", "lib.core", 0, "src/lib/core.py", id="src layout"),
        pytest.param("main.py", "space", 0, "space", id="namespace package"),
        pytest.param(
            "main.py", "space.deep.leaf", 0, "space/deep/leaf.py", id="module of a namespace package"
        ),
        pytest.param("examples/train.py", "utils", 0, "examples/utils.py", id="nearest wins"),
        pytest.param("examples/nested/run.py", "utils", 0, "examples/utils.py", id="nearest parent"),
        pytest.param("examples/train.py", "pkg.models", 0, "pkg/models.py", id="parent up to the root"),
        pytest.param(
            "examples/train.py", "lib.core", 0, "src/lib/core.py", id="a package before a plain folder"
        ),
        pytest.param(
            "examples/train.py",
            "lib.other",
            0,
            "examples/lib/other.py",
            id="unless only the folder has the module",
        ),
        pytest.param(
            "tests/test_a.py", "pkg.sub.heads", 0, "pkg/sub/heads.py", id="plain folder of that name"
        ),
        pytest.param("pkg/sub/heads.py", "models", 1, None, id="one dot is the own package"),
        pytest.param("pkg/sub/heads.py", "models", 2, "pkg/models.py", id="two dots"),
        pytest.param("pkg/sub/heads.py", "", 1, "pkg/sub/__init__.py", id="from . import"),
        pytest.param("pkg/__init__.py", "sub.heads", 1, "pkg/sub/heads.py", id="from a package's own file"),
        pytest.param("pkg/models.py", "", 3, None, id="not above the root"),
        pytest.param("main.py", "keras", 0, "keras.py", id="a script's sibling shadows Keras"),
        pytest.param("keras.py", "keras", 0, None, id="but not for itself"),
        pytest.param("pkg/models.py", "json", 0, None, id="inside a package nothing shadows json"),
        pytest.param("pkg/models.py", "keras", 0, "keras.py", id="the root's keras does"),
        pytest.param("main.py", "numpy", 0, None, id="a plain folder never shadows numpy"),
        pytest.param("examples/train.py", "tensorflow", 0, "examples/tensorflow.py", id="beside a script"),
        pytest.param("examples/nested/run.py", "tensorflow", 0, None, id="but not from further up"),
        pytest.param("pkg/sub/wandbish.py", "wandbish", 0, None, id="a wrapper does not import itself"),
        pytest.param("main.py", "../utils", 0, None, id="no path in a name"),
        pytest.param("main.py", "", 0, None, id="nothing"),
        pytest.param("main.py", ".".join(["a"] * 5000), 0, None, id="bounded"),
        pytest.param("main.py", "pkg", 5000, None, id="bounded dots"),
        pytest.param("main.py", "examples.data", 0, "examples/data", id="folder without code"),
    ],
)
def test_resolution(project: Project, importer: str, module: str, level: int, expected: str | None) -> None:
    found = project.resolve(project.root / importer, module, level)
    assert found == (project.root / expected if expected else None)
    assert project.resolve(project.root / importer, module, level) == found


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        pytest.param("jobs/train.py", "heads.linear", "libs/heads/linear.py", id="what a part installs"),
        pytest.param("jobs/train.py", "tower", "libs/src/tower/__init__.py", id="from its src/"),
        pytest.param("deep/jobs/train.py", "heads", "deep/own/heads/__init__.py", id="the nearest"),
        pytest.param("jobs/train.py", "heads.none", None, id="no such module"),
        pytest.param("jobs/train.py", "twice", None, id="one of two"),
        pytest.param("jobs/train.py", "script", None, id="a script is no package"),
        pytest.param("jobs/train.py", "tests", None, id="tests are not installed"),
        pytest.param("jobs/train.py", "plain", None, id="a folder that installs nothing"),
        pytest.param("jobs/train.py", "json", None, id="well known"),
        pytest.param("libs/heads/linear.py", "heads", "libs/heads/__init__.py", id="its own part"),
    ],
)
def test_packages_that_parts_of_a_project_install(
    tmp_path: Path, importer: str, module: str, expected: str | None
) -> None:
    packages = ("heads", "src/tower", "tests", "json")
    for name in (
        *(
            "libs/setup.py",
            "libs/script.py",
            "libs/heads/linear.py",
            "other/setup.cfg",
            "deep/own/pyproject.toml",
        ),
        *(f"libs/{package}/__init__.py" for package in (*packages, "twice")),
        *("other/twice/__init__.py", "deep/own/heads/__init__.py", "loose/plain/__init__.py"),
        *("jobs/train.py", "deep/jobs/train.py"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = Project(tmp_path).resolve(tmp_path / importer, module)
    assert found == (tmp_path / expected if expected else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('sys.path.append("../nets")', "nets/unet.py", id="beside the parent"),
        pytest.param("sys.path.insert(0, 'old')", "jobs/old/unet.py", id="beneath"),
        pytest.param(
            'sys.path.append(os.path.join(os.path.dirname(__file__), "..", "nets"))',
            "nets/unet.py",
            id="joined",
        ),
        pytest.param('sys.path.append(\n    "../nets"\n)', "nets/unet.py", id="on several lines"),
        pytest.param('sys.path.append(here)  # "../nets"', None, id="in a comment"),
        pytest.param('sys.path += ["../nets"]', None, id="otherwise"),
        pytest.param('sys.path.append("/srv/me/project/nets")', "nets/unet.py", id="on another machine"),
        pytest.param('sys.path.append("/srv/me/project/old")', None, id="one of two, on another machine"),
        pytest.param('sys.path.append("project/nets")', None, id="a folder that is not there"),
        pytest.param('sys.path.append("../data")', None, id="a folder is no module"),
        pytest.param(
            '"source": ["sys.path.append(\\"../nets\\")\\n", "x = 1"]', "nets/unet.py", id="in a notebook"
        ),
        pytest.param('sys.path.append(f"../{name}")', None, id="not known"),
    ],
)
def test_folders_that_a_file_puts_on_its_path(tmp_path: Path, text: str, expected: str | None) -> None:
    modules = ("nets/unet.py", "old/unet.py", "jobs/old/unet.py", "data/unet/one.csv", "jobs/train.py")
    for name in modules:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    importer = tmp_path / "jobs/train.py"
    importer.write_text(text, encoding="utf-8")
    assert Project(tmp_path).resolve(importer, "unet") == (tmp_path / expected if expected else None)
    other = Project(tmp_path).resolve(tmp_path / "jobs/other.py", "unet")
    assert other is None  # another file says nothing


def test_a_repository_that_is_keras_finds_itself(tmp_path: Path) -> None:
    for name in (
        "pyproject.toml",
        "keras/__init__.py",
        "keras/src/__init__.py",
        "keras/src/layers/__init__.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    project = Project(tmp_path)
    importer = tmp_path / "keras/src/layers/__init__.py"
    assert project.resolve(importer, "keras.src") == tmp_path / "keras/src/__init__.py"
    assert project.resolve(importer, "keras") == tmp_path / "keras/__init__.py"


def test_a_root_that_is_a_package_knows_its_own_name_only(tmp_path: Path) -> None:
    for name in (
        "keras/__init__.py",
        "keras/src/__init__.py",
        "keras/src/a.py",
        "tensorflow/__init__.py",
        "b.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = find_root([Path("a.py")], tmp_path / "keras" / "src")
    assert root == tmp_path / "keras"
    project = Project(root)
    assert project.resolve(root / "src/__init__.py", "keras.src.a") == root / "src/a.py"
    assert project.resolve(root / "src/a.py", "keras") == root / "__init__.py"
    assert project.resolve(root / "src/a.py", "tensorflow") is None
    assert project.resolve(root / "src/a.py", "b") is None


def test_installed_neighbours_are_not_the_project(tmp_path: Path) -> None:
    for name in ("keras/__init__.py", "keras/a.py", "tensorflow/__init__.py", "optree/__init__.py"):
        (tmp_path / "site-packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site-packages" / name).touch()
    project = Project(tmp_path)
    importer = tmp_path / "site-packages/keras/a.py"
    assert project.resolve(importer, "keras") == tmp_path / "site-packages/keras/__init__.py"
    assert project.resolve(importer, "tensorflow") is None
    assert project.resolve(importer, "optree") is None


def test_links_out_of_the_project_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.py").touch()
    root = tmp_path / "root"
    root.mkdir()
    (root / "leak.py").symlink_to(tmp_path / "secret.py")
    (root / "loop").symlink_to(root, target_is_directory=True)
    project = Project(root)
    assert project.resolve(root / "main.py", "leak") is None
    assert project.resolve(root / "main.py", "secret") is None
    assert project.resolve(root / "main.py", ".".join(["loop"] * 31 + ["main"])) is None


def test_written_cells_are_modules_beside_their_notebook_alone(tmp_path: Path) -> None:
    for name in ("a.ipynb", "b.ipynb", "shared_code.py"):
        (tmp_path / name).touch()
    project = Project(tmp_path)
    assert project.resolve(tmp_path / "a.ipynb", "mnist") is None
    for notebook in ("a.ipynb", "b.ipynb"):
        project.add(tmp_path / notebook / "mnist.py")
    project.add(tmp_path / "a.ipynb" / "main.py")
    assert project.resolve(tmp_path / "a.ipynb", "mnist") == tmp_path / "a.ipynb/mnist.py"
    assert project.resolve(tmp_path / "b.ipynb", "mnist") == tmp_path / "b.ipynb/mnist.py"
    assert project.resolve(tmp_path / "a.ipynb/main.py", "mnist") == tmp_path / "a.ipynb/mnist.py"
    assert project.resolve(tmp_path / "a.ipynb/main.py", "shared_code") == tmp_path / "shared_code.py"
    assert project.resolve(tmp_path / "shared_code.py", "mnist") is None


def test_an_importer_outside_the_root_sees_its_own_package_only(tmp_path: Path) -> None:
    for name in ("root/x.py", "else/p/__init__.py", "else/p/a.py", "else/p/b.py", "else/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    project = Project(tmp_path / "root")
    importer = tmp_path / "else/p/a.py"
    assert project.resolve(importer, "b", 1) == tmp_path / "else/p/b.py"
    assert project.resolve(importer, "p.b") == tmp_path / "else/p/b.py"
    assert project.resolve(importer, "x") is None


@pytest.mark.parametrize(
    ("marks", "paths", "root"),
    [
        pytest.param(["r/.git/HEAD"], ["r/a/b"], "r", id="repository"),
        pytest.param(["r/.git/HEAD", "r/a/pyproject.toml"], ["r/a/b/m.py"], "r/a", id="nearest mark"),
        pytest.param(["r/setup.py"], ["r/a/b/m.py"], "r", id="setup.py"),
        pytest.param([], ["r/a/b"], "", id="the current folder"),
        pytest.param([], [], "", id="no path"),
        pytest.param([], ["../x/a", "../x/b"], "../x", id="what all paths share"),
    ],
)
def test_root(tmp_path: Path, marks: list[str], paths: list[str], root: str) -> None:
    cwd = tmp_path / "cwd"
    for name in ("r/a/b/m.py", *marks):
        (cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cwd / name).touch()
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)
    assert find_root([Path(p) for p in paths], cwd) == (cwd / root).resolve()
