"""What earlier runs found out, in one SQLite file: keys to bytes, bounded, and never in the way.

Whatever is wrong with the file - locked, torn, full, not to be written, not ours - costs the run what it
would have saved and nothing else: every value carries a checksum, a file that is damaged is made anew, and
no error leaves this module. Several processes may use it at once; one that is killed while it writes leaves
the file as it was before.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.blake import blake2b

if TYPE_CHECKING:
    import sqlite3

FOLDER = ".fromlogits_audit_cache"
FILE = "cache.db"
LIMIT = 200 * 1024 * 1024
"""Bytes that the file may use. What was longest unused goes first."""
MAX_VALUE = 64 * 1024 * 1024
"""Bytes of one value, unpacked. A longer one is not kept, and not believed."""
PATIENCE = 2.0
"""Seconds to wait for another process that is writing."""

_PENDING = 8 * 1024 * 1024
"""Bytes that wait to be written; then they are."""
_AT_ONCE = 400
"""Keys in one question: older SQLites take 999."""
_DAY = 86_400
_TABLE = "CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, used INTEGER, value BLOB)"
_INDEX = "CREATE INDEX by_use ON entries (used, id)"
_OURS = frozenset({_TABLE, _INDEX})
_BESIDE = {
    ".gitignore": "# Made by fromlogits-audit.\n*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# Made by fromlogits-audit: https://bford.info/cachedir/\n",
}


class Cache:
    """The cache in one folder, which is made when there is something to keep."""

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        self._file = folder / FILE
        self._puts: dict[bytes, bytes] = {}
        self._waiting = 0
        self._touched: set[bytes] = set()
        self._usable = True
        self._connection: sqlite3.Connection | None = None

    def get(self, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """The values that are there and whole."""
        found: dict[bytes, bytes] = {}
        with self._trying():
            connection = self._opened(create=False)
            for some in _chunks(list(keys)) if connection is not None else ():
                marks = ",".join("?" * len(some))
                rows = connection.execute(  # type: ignore[union-attr]
                    f"SELECT key, used, value FROM entries WHERE key IN ({marks}) AND length(value) <= ?",
                    (*some, MAX_VALUE),
                )
                for key, used, packed in rows.fetchall():
                    value = _unpacked(key, packed)
                    if value is not None:
                        found[key] = value
                        self._touch(key, used)
        return found

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value; it is written by the next :meth:`flush`, or when many wait."""
        if not self._usable or len(value) > MAX_VALUE:
            return
        packed = _packed(key, value)
        self._puts[key] = packed
        self._waiting += len(packed)
        if self._waiting > _PENDING:
            self.close()

    def flush(self) -> None:
        """Write what waits."""
        if not self._puts and not self._touched:
            return
        puts, touched = self._puts, self._touched
        self._puts, self._touched, self._waiting = {}, set(), 0
        with self._trying():
            connection = self._opened(create=bool(puts))
            if connection is not None:
                self._write(connection, puts, touched)

    def close(self) -> None:
        """Write what waits and let go of the file; the next use opens it again."""
        self.flush()
        self._let_go()

    def _touch(self, key: bytes, used: object) -> None:
        """Note a use, once a day: a run that finds everything need not write."""
        if used != _today():
            self._touched.add(key)

    def _write(self, connection: sqlite3.Connection, puts: dict[bytes, bytes], touched: set[bytes]) -> None:
        day = _today()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT OR REPLACE INTO entries (key, used, value) VALUES (?, ?, ?)",
                [(key, day, packed) for key, packed in puts.items()],
            )
            connection.executemany(
                "UPDATE entries SET used = ? WHERE key = ?", [(day, key) for key in sorted(touched)]
            )
            _prune(connection, self._limit)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):
                connection.execute("ROLLBACK")
            raise

    # -- the file ------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        """Whatever fails ends the use of the cache in this run; a damaged file is dropped for the next."""
        try:
            yield
        except (OSError, ValueError, OverflowError, MemoryError, ImportError):
            self._give_up()
        except Exception as error:
            if not _is_of_sqlite(error):
                raise
            self._give_up()
            if _is_damage(error):
                _drop(self._file)

    def _give_up(self) -> None:
        self._usable = False
        self._puts, self._touched = {}, set()
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    def _opened(self, *, create: bool) -> sqlite3.Connection | None:
        """The connection; None where there is no file (and none shall be made), or no safe place for one."""
        if not self._usable:
            return None
        if self._connection is None:
            if create:
                self._folder.mkdir(exist_ok=True)
            if not _is_plain(self._folder, self._file) or not (create or self._file.exists()):
                return None
            _label(self._folder)
            self._connection = _connected(self._file)
            if _schema(self._connection) not in (_OURS, frozenset()):
                # Of another version, or somebody else's.
                self._let_go()
                _drop(self._file)
                self._connection = _connected(self._file)
            _prepare(self._connection)
        return self._connection


def clean(folder: Path) -> bool:
    """Remove the cache in a folder and what was made beside it; whether there was one.

    Raises OSError where that can't be done. What is not ours stays.
    """
    if not _is_plain(folder, folder / FILE) or not folder.is_dir():
        return False
    # What a run that was killed leaves of its labels, too.
    begun = [path.name for name in _BESIDE for path in folder.glob(f".{name}.*")]
    for name in (FILE, f"{FILE}-journal", f"{FILE}-wal", f"{FILE}-shm", *_BESIDE, *begun):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    return True


def _today() -> int:
    return int(time.time() // _DAY)


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    yield from (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))


# -- values ----------------------------------------------------------------------------------------
def _sum(key: bytes, value: bytes) -> bytes:
    return blake2b(value, key=key[:64], digest_size=16).digest()


def _packed(key: bytes, value: bytes) -> bytes:
    return _sum(key, value) + zlib.compress(value, 1)


def _unpacked(key: object, packed: object) -> bytes | None:
    """The value, None where it is not what was stored under this key."""
    if not isinstance(key, bytes) or not isinstance(packed, bytes):
        return None
    try:
        value = zlib.decompressobj().decompress(packed[16:], MAX_VALUE)
    except zlib.error:
        return None
    return value if _sum(key, value) == packed[:16] else None


# -- the file --------------------------------------------------------------------------------------
def _connected(file: Path) -> sqlite3.Connection:
    import sqlite3

    connection = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    # The checksums tell what a power cut leaves behind, so nothing has to wait for the disk; and the file
    # may come with the code that is audited, so nothing in it is to be trusted.
    connection.executescript(
        "PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"
    )
    return connection


def _schema(connection: sqlite3.Connection) -> frozenset[str]:
    """What is defined in the file. Only our own tables will do: a view could run for ever."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 9").fetchall()
    return frozenset(sql for (sql,) in rows)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of a file that is new; another process may be doing the same."""
    if _schema(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    if not _schema(connection):
        connection.execute(_TABLE)
        connection.execute(_INDEX)
    connection.execute("COMMIT")


def _prune(connection: sqlite3.Connection, limit: int) -> None:
    """Take out what was longest unused, down to three quarters of the limit."""
    if _size(connection) <= limit:
        return
    (count,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    some = count // 16 + 1
    while _size(connection) > limit * 3 // 4:
        done = connection.execute(
            "DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY used, id LIMIT ?)", (some,)
        )
        if not done.rowcount:
            return


def _size(connection: sqlite3.Connection) -> int:
    """The bytes in use; pages that are free will be used again."""
    one = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    ]
    return int((one[0] - one[1]) * one[2])


def _is_of_sqlite(error: Exception) -> bool:
    import sqlite3

    return isinstance(error, (sqlite3.Error, sqlite3.Warning))


def _is_damage(error: Exception) -> bool:
    """Not that the file is locked, full or read-only: those are OperationalErrors."""
    import sqlite3

    return type(error) is sqlite3.DatabaseError or "malformed" in str(error)


def _drop(file: Path) -> None:
    for name in (file.name, f"{file.name}-journal", f"{file.name}-wal", f"{file.name}-shm"):
        with contextlib.suppress(OSError):
            file.with_name(name).unlink(missing_ok=True)


def _label(folder: Path) -> None:
    """Tell git and backups what this folder is."""
    for name, text in _BESIDE.items():
        if not os.path.lexists(folder / name):
            from fromlogits_audit.writing import write_whole  # seldom needed, and it loads a lot

            with contextlib.suppress(OSError):
                write_whole(folder / name, text.encode())


def _is_plain(folder: Path, file: Path) -> bool:
    """Whether nothing leads elsewhere: the folder may come with the code that is audited."""
    for path, kind in ((folder, stat.S_ISDIR), (file, stat.S_ISREG)):
        try:
            if not kind(os.lstat(path).st_mode):
                return False
        except FileNotFoundError:
            continue
    return True
