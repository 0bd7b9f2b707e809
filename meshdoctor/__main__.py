"""`python -m meshdoctor`: the same as the `meshdoctor` command."""

from __future__ import annotations

from meshdoctor.cli.entry_points import main

if __name__ == "__main__":
    main()
