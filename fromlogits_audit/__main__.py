"""``python -m fromlogits_audit``: the same command as ``fromlogits-audit``."""

from fromlogits_audit.cli import main

if __name__ == "__main__":
    main()
