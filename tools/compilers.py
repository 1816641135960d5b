"""The compilers of this machine and the flags that setup.py gives the kernels, for the other tools."""

import platform
import runpy
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="flags")

ENGINES = _SETUP["ENGINES"]
X86 = ("serial", "avx2", "avx512")
ARM = ("serial", "neon")


def kernel_flags(isa):
    """Flags of one instruction set's static library, with the include path."""
    return [*_SETUP["C_FLAGS"], *_SETUP["ISA_FLAGS"][isa], f"-I{ROOT / 'src_c'}"]


def native():
    """Compilers for this machine that are installed, with the instruction sets that it can have."""
    isas = {"x86_64": X86, "aarch64": ARM, "arm64": ARM}.get(platform.machine(), ("serial",))
    return [(compiler, isas) for compiler in ("gcc", "clang") if shutil.which(compiler)]


def cross():
    """Debian's AArch64 cross compiler, if it is installed and this is another machine."""
    compiler = "aarch64-linux-gnu-gcc"
    return [(compiler, ARM)] if shutil.which(compiler) and platform.machine() != "aarch64" else []
