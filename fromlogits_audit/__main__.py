"""``python -m fromlogits_audit``: the same command as ``fromlogits-audit``."""

import sys

if __name__ == "__main__":
    # Python puts the current folder first: a ``json.py`` there would run in place of the real one.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    from fromlogits_audit.cli import main

    main()
