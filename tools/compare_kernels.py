"""Build the driver of tests/kernels and run it: every kernel, every instruction set, the same bytes.

Usage: ``python tools/compare_kernels.py native|neon|sanitize [ROUNDS]``

native
    All instruction sets of this machine.
neon
    The AArch64 build under user-mode emulation, and its bytes against this machine's. Needs Debian's
    gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; without them it says so and succeeds.
sanitize
    All instruction sets of this machine, under AddressSanitizer and UndefinedBehaviorSanitizer.
"""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from compilers import ENGINES, ROOT, cross, kernel_flags, native

DRIVER = sorted((ROOT / "tests" / "kernels").glob("compare*.c"))
SANITIZE = [
    "-g",
    "-O1",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
]


def build(compiler, isas, folder, extra=()):
    """Compile and link the driver; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    units = [(ROOT / "src_c" / engine / f"isa_{isa}.c", isa) for isa in isas for engine in ENGINES]
    units += [(ROOT / "src_c" / name, "serial") for name in ("cpu.c", "dispatch.c")]
    units += [(source, "serial") for source in DRIVER]

    def compile_one(unit):
        source, isa = unit
        target = folder / f"{source.parent.name}_{source.stem}.o"
        flags = kernel_flags(isa) + list(extra)
        if source in DRIVER:
            flags += ["-O1", "-Werror"]
        subprocess.run([compiler, *flags, "-c", source, "-o", target], check=True)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, units))
    program = folder / "compare"
    subprocess.run([compiler, *extra, *objects, "-lm", "-o", program], check=True)
    return program


def output(program, rounds):
    """What the driver printed, line by line; ends the process if it failed."""
    result = subprocess.run([*map(str, program), *rounds], stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(result.stdout + f"{program[-1]}: exit code {result.returncode}")
    return [line.split() for line in result.stdout.splitlines()]


def report(variant, lines, wanted):
    """Print the driver's lines; fail if the wanted instruction set is missing from one."""
    for name, checksum, *isas in lines:
        if wanted not in isas:
            sys.exit(f"{variant}: {name} was not run with the {wanted} kernels")
        print(f"{variant}: {name:28} {checksum} {' = '.join(isas)}")


def main():
    variant, *rounds = sys.argv[1:]
    folder = ROOT / "build" / "compare"
    if not native():
        print(f"{variant}: skipped, no gcc or clang here")
        return
    compiler, isas = native()[0]
    if variant in ("native", "sanitize"):
        program = build(compiler, isas, folder / variant, SANITIZE if variant == "sanitize" else ())
        report(variant, output([program], rounds), "serial")
        return
    emulator = shutil.which("qemu-aarch64")
    if not cross() or not emulator:
        print("neon: skipped, needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user")
        return
    ((cross_compiler, cross_isas),) = cross()
    program = build(cross_compiler, cross_isas, folder / "neon")
    lines = output([emulator, "-L", "/usr/aarch64-linux-gnu", program], rounds)
    report(variant, lines, "neon")
    # the same input on this machine: the bytes must not depend on the processor either
    here = output([build(compiler, isas, folder / "native")], rounds)
    different = [a[0] for a, b in zip(lines, here, strict=True) if a[:2] != b[:2]]
    if different:
        sys.exit(f"neon: other bytes than on this machine: {', '.join(different)}")
    print("neon: the same bytes as on this machine")


if __name__ == "__main__":
    main()
