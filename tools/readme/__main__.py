"""Write README.md anew; see the package."""

from tools.readme import written
from tools.readme.reports import ROOT

path = ROOT / "README.md"
path.write_text(written(path.read_text()))
