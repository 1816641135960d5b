"""Build a variant of the package under build/ and run tests on it.

Usage: ``python tools/test_variant.py sanitize|no-openmp [pytest arguments]``, or ``... sanitize fuzz
[seconds] [seed]`` for damaged models instead of tests.

sanitize
    AddressSanitizer and UndefinedBehaviorSanitizer over the C kernels, AddressSanitizer over the extensions.
no-openmp
    What is built where the compiler has no OpenMP: the build must succeed, warn, and give the same answers.
"""

import os
import subprocess
import sys
from glob import glob

from compilers import ROOT

TESTS = {
    "sanitize": ["tests/engine", "tests/ensemble", "tests/fuzz"],
    "no-openmp": ["tests/engine"],
}


def build(variant):
    """Build into build/<variant>; returns the folder to put on PYTHONPATH and what the build printed."""
    environment = dict(os.environ)
    environment["FASTML_SANITIZE" if variant == "sanitize" else "FASTML_NO_OPENMP"] = "1"
    base = f"build/{variant}"
    command = [sys.executable, "setup.py", "-q", "build", "--build-base", base]
    result = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    (folder,) = glob(str(ROOT / base / f"lib*cp*{sys.version_info.major}{sys.version_info.minor}*"))
    return folder, result.stderr


def library(name):
    """Path of a library that belongs to the compiler, or its name where the loader finds it."""
    command = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def environment_of(variant, folder):
    """Environment in which the variant is imported instead of the package of the source tree."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([folder, str(ROOT)])
    environment["PYTHONSAFEPATH"] = "1"
    if variant == "sanitize":
        # C++'s too: the sanitizer looks for its `throw` at the start, but matplotlib brings it later
        environment["LD_PRELOAD"] = " ".join(map(library, ("libasan.so", "libstdc++.so.6")))
        # the interpreter keeps memory until the end by design; obmalloc would hide overruns inside its arenas
        environment["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0:exitcode=86"
        environment["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
        environment["PYTHONMALLOC"] = "malloc"
        environment["FASTML_SANITIZED"] = "1"
    return environment


def main():
    variant, *arguments = sys.argv[1:]
    folder, warnings = build(variant)
    if variant == "no-openmp" and "without OpenMP" not in warnings:
        sys.exit("the build without OpenMP did not warn")
    environment = environment_of(variant, folder)
    probe = "import fastml, sys; fastml.show_config(); sys.exit(not fastml.__file__.startswith(sys.argv[1]))"
    if subprocess.run([sys.executable, "-c", probe, folder], env=environment).returncode:
        sys.exit(f"the {variant} build is not what was imported")
    if arguments[:1] == ["fuzz"]:
        command = [sys.executable, "-m", "tests.fuzz.fuzz", *arguments[1:]]
        sys.exit(subprocess.run(command, cwd=ROOT, env=environment).returncode)
    tests = arguments or [test for test in TESTS[variant] if (ROOT / test).exists()]
    # not what is written past sys.stderr: the sanitizer's last words
    command = [sys.executable, "-m", "pytest", "-q", "--capture=sys", "-p", "no:cacheprovider", *tests]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()
