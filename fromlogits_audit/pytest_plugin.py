"""The pytest plugin: ``--fromlogits-audit`` watches a whole test session, the fixture checks one model.

Without the flag, and without a test that asks for the fixture, nothing else of this package is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fromlogits_audit.config import Settings
    from fromlogits_audit.report import Report

_FLAG = "--fromlogits-audit"
_SECTION = "fromlogits-audit"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(_SECTION)
    group.addoption(
        _FLAG,
        action="store_true",
        dest="fromlogits_audit",
        help="Check every Keras loss that meets an output during the session, and fail it on findings.",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("fromlogits_audit"):
        config.pluginmanager.register(_Session(config), "fromlogits-audit-session")


class Checker:
    """What the fixture gives a test."""

    def check(
        self,
        model: Any,
        x: Any = None,
        y: Any = None,
        loss: Any = None,
        *,
        ignore: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        """Fail the test where a loss or metric of ``model`` does not fit what the model returns.

        The arguments are those of :func:`fromlogits_audit.checking.assert_loss_consistent`.
        """
        from fromlogits_audit.checking import assert_loss_consistent

        __tracebackhide__ = True
        assert_loss_consistent(model, x, y, loss, ignore=ignore, strict=strict)

    def report(self, model: Any, x: Any = None, y: Any = None, loss: Any = None) -> Report:
        """Every fact about a model, with its findings; fails nothing."""
        from fromlogits_audit.checking import check_model

        return check_model(model, x, y, loss)


@pytest.fixture
def fromlogits_audit() -> Checker:
    """Checks that a Keras model's losses and metrics fit its outputs: ``fromlogits_audit.check(model)``."""
    return Checker()


class _Session:
    """One session under watch. A worker of pytest-xdist hands what it found to the one that started it."""

    def __init__(self, config: pytest.Config) -> None:
        from fromlogits_audit.config import load
        from fromlogits_audit.live.watch import Watch

        self._config = config
        self._cwd = Path.cwd()
        self._settings: Settings = load([Path(config.rootpath)])
        self._texts: list[str] = []
        self._failed = False
        self._watch = Watch(self._cwd)
        self._watch.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from fromlogits_audit.watching import report_on

        self._watch.stop()
        report = report_on(self._watch.sites, self._settings, self._cwd)
        if report.sites or not self._texts:
            self._take(_rendered(report), report.fails(self._settings.threshold))
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["fromlogits_audit"] = (self._texts, self._failed)
        elif self._failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for text in node.workeroutput.get("fromlogits_audit", ((), False))[0]:
            self._take(text, node.workeroutput["fromlogits_audit"][1])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section(_SECTION)
        for text in dict.fromkeys(self._texts):
            terminalreporter.write(text)

    def pytest_unconfigure(self) -> None:
        self._watch.stop()  # where the session never began

    def _take(self, text: str, failed: bool) -> None:
        self._texts.append(text)
        self._failed = self._failed or failed


def _rendered(report: Report) -> str:
    from fromlogits_audit.reporters import text
    from fromlogits_audit.reporters.interface import Style

    return text.render(report, Style())
