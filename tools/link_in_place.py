"""Make the running interpreter's environment find the package where it lies, without an installed copy."""

import sysconfig
from pathlib import Path

root = Path(__file__).resolve().parent.parent
Path(sysconfig.get_path("purelib"), "fastml-in-place.pth").write_text(f"{root}\n")
