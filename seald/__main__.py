"""`python -m seald`."""

from __future__ import annotations

from seald.cli import main

if __name__ == "__main__":
    main()
