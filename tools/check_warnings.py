"""Compile all our C with -Wall -Wextra -Werror, for every instruction set, with every compiler found here."""

import subprocess
import sys

import compilers


def main():
    dirty = False
    found = compilers.native() + compilers.cross()
    for compiler, isas in found:
        sources = {"cpu": "serial", "dispatch": "serial"}
        sources |= {f"{engine}/isa_{isa}": isa for engine in compilers.ENGINES for isa in isas}
        for source, isa in sources.items():
            file = compilers.ROOT / "src_c" / f"{source}.c"
            command = [compiler, *compilers.kernel_flags(isa), "-Werror", "-c", str(file), "-o", "/dev/null"]
            clean = subprocess.run(command).returncode == 0
            dirty |= not clean
            print(f"{compiler:22} {source}.c: {'clean' if clean else 'NOT CLEAN'}", flush=True)
    for name in {"gcc", "clang", "aarch64-linux-gnu-gcc"} - {compiler for compiler, _ in found}:
        print(f"{name:22} not installed here: skipped")
    sys.exit(dirty)


if __name__ == "__main__":
    main()
