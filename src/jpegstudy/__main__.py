"""``python -m jpegstudy`` is the command ``jpegstudy``."""

from jpegstudy.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
