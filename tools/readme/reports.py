"""Where the published reports lie, from which every block of README.md is written."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "outputs" / "report"
