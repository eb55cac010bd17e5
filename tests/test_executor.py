"""Any executor may do the work; what it loses, refuses or breaks changes no report."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit import elsewhere, scanning
from fromlogits_audit.cli import run
from fromlogits_audit.config import Settings
from fromlogits_audit.errors import UsageError
from fromlogits_audit.pipeline import audit_models, audit_source
from fromlogits_audit.report import Report

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "fixtures" / "models"
HEAD = "import keras\n\n\ndef head():\n    return keras.Sequential([keras.layers.Dense(3, 'softmax')])\n"
LOSS = "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"


class Here(Executor):
    """Does everything at once in this process; ``before`` may have another idea. It takes ``most`` tasks."""

    def __init__(self, before: Callable[[int, Any], None] | None = None, most: int = 1000) -> None:
        self.calls: list[Any] = []
        self._before = before
        self._most = most

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls.extend(args)
        if len(self.calls) > self._most:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        try:
            if self._before is not None:
                self._before(len(self.calls), *args)
            future.set_result(fn(*args, **kwargs))
        except CancelledError:
            future.cancel()
            future.set_running_or_notify_cancel()
        except BaseException as error:
            future.set_exception(error)
        return future


def raising(error: Exception, when: Callable[[int, Any], bool]) -> Callable[[int, Any], None]:
    def before(number: int, item: Any) -> None:
        if when(number, item):
            raise error

    return before


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in "abcdef":
        (folder / f"{name}.py").write_text(f"{HEAD}\nmodel = head()\n{LOSS}", encoding="utf-8")
    (folder / "models.py").write_text(HEAD, encoding="utf-8")
    text = f"import keras\nfrom models import head\nmodel = head()\n{LOSS}"
    (folder / "train.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(scanning, "SMALL", 1)  # every component is a task
    return folder


def scan(folder: Path, executor: Executor | None = None) -> Report:
    return audit_source([folder], Settings(), cwd=folder, executor=executor)


def codes(report: Report) -> dict[str, str]:
    return {finding.location.path: finding.code for finding in report.findings}


def test_threads_give_the_same_report(project: Path) -> None:
    with ThreadPoolExecutor(3) as executor:
        found = scan(project, executor)
    plain = scan(project)
    assert (found.findings, found.sites) == (plain.findings, plain.sites)


@pytest.mark.parametrize(
    "executor",
    [
        pytest.param(Here(most=2), id="it is shut down"),
        pytest.param(Here(raising(OSError("gone"), lambda n, _: n == 2)), id="one task is lost once"),
        pytest.param(Here(raising(CancelledError(), lambda n, _: n == 2)), id="one task is cancelled"),
        pytest.param(Here(raising(CancelledError(), lambda n, _: True)), id="all are cancelled"),
        pytest.param(Here(raising(BrokenProcessPool("died"), lambda n, _: n > 2)), id="it breaks"),
    ],
)
def test_what_an_executor_does_not_do_changes_nothing(project: Path, executor: Here) -> None:
    found, plain = scan(project, executor), scan(project)
    assert executor.calls
    assert (found.findings, found.sites) == (plain.findings, plain.sites)


def test_a_component_that_is_lost_twice_is_reported(project: Path) -> None:
    lost = raising(OSError("killed"), lambda _, task: project / "train.py" in task.components[0].files)
    assert codes(scan(project, Here(lost))) == {
        **{f"{name}.py": "FLA101" for name in "abcdef"},
        "models.py": "FLA001",
        "train.py": "FLA001",
    }


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'fromlogits_audit'"), "lack what they need: No module named"),
        (UsageError("the executor's workers have version 0.0.1, not 0.1.0."), "version 0.0.1"),
    ],
)
def test_workers_that_can_t_do_it_at_all_are_told_of(project: Path, error: Exception, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scan(project, Here(raising(error, lambda *_: True)))


def test_another_version_at_the_workers_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = elsewhere._Same(len)
    monkeypatch.setattr(elsewhere, "__version__", "9.9")
    with pytest.raises(UsageError, match=r"9\.9"):
        sent("")


def test_what_a_task_needs_is_in_it(project: Path) -> None:
    """Also the module that was not given: the files may be somewhere else when the task is done."""
    executor = Here(lambda *_: shutil.rmtree(project, ignore_errors=True))
    found = audit_source([project / "train.py"], cwd=project, executor=executor)
    assert [(one.location.path, one.code) for one in found.findings] == [("train.py", "FLA101")]


@pytest.mark.parametrize("error", [OSError("killed"), CancelledError(), None])
def test_models_are_read_elsewhere_as_well(error: Exception | None) -> None:
    before = raising(error, lambda number, _: number == 2) if error is not None else None
    found, plain = audit_models([MODELS], executor=Here(before)), audit_models([MODELS])
    assert (found.models, found.findings, found.problems) == (plain.models, plain.findings, plain.problems)
    assert len(plain.models or ()) > 1


def test_a_model_that_is_lost_twice_is_reported() -> None:
    lost = raising(OSError("killed"), lambda _, wanted: wanted.path.suffix == ".keras")
    problems = audit_models([MODELS], executor=Here(lost)).problems
    died = [problem.location.path for problem in problems if problem.reason == elsewhere.DIED]
    assert len(died) == len(list(MODELS.rglob("*.keras")))


@pytest.mark.parametrize("url", ["dask://", "dask://host", "dask://host:x", "tcp://host:1", "host:1", "x"])
def test_an_address_that_is_none_is_a_usage_error(
    project: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert run(["scan", str(project), "--executor", url]) == 2
    assert "dask://HOST:PORT" in capsys.readouterr().err


# -- Dask ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as made:
        yield made


def slowly() -> int:
    """Runs in a worker: half a second for each component from now on."""
    from fromlogits_audit.interp import engine

    whole = engine.analyse

    def analyse(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.5)
        return whole(*args, **kwargs)

    engine.analyse = analyse
    return os.getpid()


def test_a_cluster_that_loses_a_worker_in_mid_run_gives_the_same_report(
    project: Path, cluster: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client

    for name in "ghijkl":
        shutil.copy(project / "a.py", project / f"{name}.py")
    monkeypatch.chdir(project)
    assert run(["scan", "--output-format", "json", "--show-sites"]) == 1
    expected = capsys.readouterr().out
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        pids = list(client.run(slowly).values())
        # 13 components take two workers more than three seconds.
        killer = threading.Timer(1.2, os.kill, (pids[0], signal.SIGKILL))
        killer.start()
        begun = time.monotonic()
        url = cluster.scheduler_address.replace("tcp://", "dask://")
        assert run(["scan", "--output-format", "json", "--show-sites", "--executor", url]) == 1
        assert time.monotonic() - begun > 2
        assert not killer.is_alive()
    assert capsys.readouterr().out == expected


def test_a_cluster_reads_models(
    cluster: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MODELS.parent)
    status = run(["model", "--output-format", "json", "models"])
    expected = capsys.readouterr().out
    url = cluster.scheduler_address.replace("tcp://", "dask://")
    assert run(["model", "--output-format", "json", "models", "--executor", url]) == status
    assert capsys.readouterr().out == expected


def test_a_scheduler_that_does_not_answer_is_a_usage_error(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "PATIENCE", 1)
    assert run(["scan", str(project), "--executor", "dask://127.0.0.1:1"]) == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err
