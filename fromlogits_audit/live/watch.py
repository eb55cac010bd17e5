"""Watching a program that uses Keras: :class:`Watch` is a context manager, and what it saw are sites.

    with Watch() as watch:
        ...  # compile, fit, loss calls
    watch.sites  # one for each loss or metric that met an output

Nothing is imported for it: what is to be replaced in Keras, TensorFlow or JAX is replaced once the program
has imported it. Several watches may be open at a time, one inside another or in threads; after the last has
closed, everything is as it was.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from fromlogits_audit.ir import Site
from fromlogits_audit.live.hooks import HOOKS
from fromlogits_audit.live.places import placed
from fromlogits_audit.live.recording import Recording


class Watch:
    """One watch. The paths of its sites are relative to ``cwd`` (default: the current folder)."""

    def __init__(self, cwd: str | Path | None = None) -> None:
        self._recording: Recording | None = None
        self._cwd = Path(cwd) if cwd is not None else Path.cwd()
        self.sites: tuple[Site, ...] = ()
        self.problems: tuple[str, ...] = ()
        """What could not be watched, in words; none of it reached the program."""

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        if self._recording is not None:
            raise RuntimeError("this watch has been started already")
        self._recording = Recording(HOOKS)
        HOOKS.add(self._recording)

    def stop(self) -> None:
        """Close the watch and settle what it saw. Closing it again changes nothing."""
        recording = self._recording
        if recording is None or recording not in HOOKS.watchers:
            return
        recording.finish()
        try:
            self.sites = tuple(placed(recording, HOOKS.births, self._cwd))
        finally:
            self.problems = tuple(HOOKS.problems)
            HOOKS.remove(recording)
