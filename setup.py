"""List of extensions and compiler flags; all other metadata is in pyproject.toml.

Environment variables read here:

FASTML_NO_OPENMP=1   build without OpenMP even where the compiler has it
FASTML_SANITIZE=1    AddressSanitizer and UndefinedBehaviorSanitizer (see ``make sanitize``)
FASTML_JOBS=n        compilers running at once (default: the number of cores)
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
os.chdir(ROOT)
MSVC = sys.platform == "win32"
JOBS = int(os.environ.get("FASTML_JOBS") or os.cpu_count() or 1)
KERNELS = "fastml._engine.runtime.kernels"
ENGINES = ["tree", "dense"]


def target_machine():
    """Instruction set family of the interpreter built for: x86_64, arm64 or the platform's own word."""
    words = os.environ.get("ARCHFLAGS", "").split()
    name = words[-1] if words else sysconfig.get_platform().rsplit("-", 1)[-1]
    if name.startswith(("universal", "win32")):
        name = platform.machine() if name.startswith("universal") else "x86"
    name = name.lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(name, name)


# Floating point: no contraction and no reassociation, so that every body computes the same bits.
if MSVC:
    # the kernels use GCC's builtins and vector flags: on Windows clang-cl compiles them, cl the rest
    C_FLAGS = ["/O2", "/std:c11", "/fp:precise", "/clang:-ffp-contract=off"]
    GLUE_FLAGS = ["/O2", "/std:c11"]
else:
    C_FLAGS = [
        *("-std=c11", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"),
        "-Werror=incompatible-pointer-types",  # a body that does not fit its line of the table
        *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-g0"),
    ]
    # Cython's generated code is not ours to keep warning clean
    GLUE_FLAGS = ["-std=c11", "-O2", "-ffp-contract=off", "-fvisibility=hidden", "-w", "-g0"]
AVX2 = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt"]
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512cd", "-mprefer-vector-width=512"]
ISA_FLAGS = {"serial": [], "avx2": AVX2, "avx512": AVX2 + AVX512, "neon": []}
LINK_FLAGS = []
ISAS = {"x86_64": ["serial", "avx2", "avx512"], "arm64": ["serial", "neon"]}.get(target_machine(), ["serial"])

if os.environ.get("FASTML_SANITIZE") == "1":
    SANITIZE = ["-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"]
    SANITIZE += ["-fno-sanitize-recover=undefined"]
    C_FLAGS += SANITIZE
    GLUE_FLAGS += ["-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address"]
    LINK_FLAGS += ["-fsanitize=address,undefined"]


def probe_openmp():
    """Return (compile flags, link flags) with which an OpenMP program builds here, or None."""
    if os.environ.get("FASTML_NO_OPENMP") == "1":
        return None
    if MSVC:
        return ["/openmp"], []
    candidates = [(["-fopenmp"], ["-fopenmp"])]
    if sys.platform == "darwin":
        # Apple's clang has no runtime of its own: libomp comes from Homebrew, MacPorts or LIBOMP_PREFIX
        for prefix in (os.environ.get("LIBOMP_PREFIX"), "/opt/homebrew/opt/libomp", "/usr/local/opt/libomp"):
            if prefix and os.path.isdir(prefix):
                compile_flags = ["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"]
                candidates.insert(0, (compile_flags, [f"-L{prefix}/lib", "-lomp"]))
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(program)
        for compile_flags, link_flags in candidates:
            command = [*compiler, *compile_flags, str(source), "-o", str(Path(folder, "probe")), *link_flags]
            try:
                if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                    return compile_flags, link_flags
            except OSError:
                return None
    return None


class BuildClib(build_clib):
    """Compile the instruction sets at the same time: each is one big translation unit."""

    def build_libraries(self, libraries):
        if MSVC:
            self.compiler.initialize()
            self.compiler.cc = shutil.which("clang-cl") or sys.exit("fastml needs clang-cl on Windows")
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(super().build_libraries, [[library] for library in libraries]))


class BuildExt(build_ext):
    """Build as many extensions at once as there are cores, after the libraries that they link."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = JOBS

    def run(self):
        self.run_command("build_clib")
        super().run()


def seen_by(engine, files):
    """Files of src_c that an engine's code can include: its own and those that belong to none."""
    return [file for file in files if file.count("/") == 1 or file.startswith(f"src_c/{engine}/")]


def isa_library(engine, isa, files):
    """One static library: an engine's kernels for one instruction set (src_c/<engine>/isa_<isa>.c)."""
    source = f"src_c/{engine}/isa_{isa}.c"
    options = {
        "sources": [source],
        "include_dirs": ["src_c"],
        "cflags": C_FLAGS + ISA_FLAGS[isa],
        # a unity file includes every stem, so any edited file makes it stale
        "obj_deps": {"": seen_by(engine, files), source: []},
    }
    return f"fastml_{engine}_{isa}", options


def extensions(files):
    """One extension per .pyx under fastml/, named by its path."""
    openmp = probe_openmp()
    if openmp is None:
        print("warning: building fastml without OpenMP: everything will run on one thread", file=sys.stderr)
        openmp = [], []
    modules = []
    for pyx in sorted(glob("fastml/**/*.pyx", recursive=True)):
        name = pyx.removesuffix(".pyx").replace(os.sep, ".").replace("/", ".")
        sources, depends = [pyx], []
        if name == KERNELS:
            sources += ["src_c/cpu.c", "src_c/dispatch.c"]
            depends = files
        modules.append(
            Extension(
                name,
                sources,
                include_dirs=["src_c"],
                depends=depends,
                extra_compile_args=GLUE_FLAGS + openmp[0],
                extra_link_args=LINK_FLAGS + openmp[1],
            )
        )
    return modules


def cythonized(modules, files):
    """Translate to C under build/, and let a module that sees a header of an engine depend on all of them."""
    directives = {
        "language_level": 3,
        "boundscheck": False,
        "wraparound": False,
        "initializedcheck": False,
        "cdivision": True,
        "embedsignature": True,
    }
    modules = cythonize(
        modules,
        build_dir="build/cython",
        compiler_directives=directives,
        nthreads=JOBS if sys.platform == "linux" else 0,
        include_path=["."],
    )
    headers = [file for file in files if file.endswith(".h")]
    for module in modules:
        for engine in ENGINES:
            if any(str(file).startswith(f"src_c/{engine}/") for file in module.depends):
                module.depends = sorted({*map(str, module.depends), *seen_by(engine, headers)})
    return modules


if __name__ == "__main__":
    C_FILES = sorted(file.replace(os.sep, "/") for file in glob("src_c/**/*.[ch]", recursive=True))
    setup(
        ext_modules=cythonized(extensions(C_FILES), C_FILES),
        libraries=[isa_library(engine, isa, C_FILES) for engine in ENGINES for isa in ISAS],
        cmdclass={"build_ext": BuildExt, "build_clib": BuildClib},
    )
