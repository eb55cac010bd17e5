"""The command, as ``fromlogits-audit`` and as ``python -m fromlogits_audit``."""

import gc
import sys


def main() -> None:
    """Run the command; nothing that it loads is garbage before it ends."""
    gc.disable()
    from fromlogits_audit.cli import main as command

    command()


if __name__ == "__main__":
    # Python puts the current folder first: a ``json.py`` there would run in place of the real one. What it
    # imports on its way here (``warnings``, ``typing`` ...) it has taken from there already: only -P helps.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    main()
