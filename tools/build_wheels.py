"""Build the sdist and one repaired wheel per CPython found, and test each wheel where it is installed.

Usage: ``python tools/build_wheels.py [VERSION...]``, for example ``3.12``; default: every CPython >= 3.11
that is on PATH as ``python3.X`` or that pyenv has. Needs the packages of the dependency group "package".

The wheels are built from the sdist, not from the source tree, so a file missing from the sdist fails here.
Each is installed into an empty environment; a copy of the tests runs from a folder that holds no ``fastml``.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
WORK = ROOT / "build" / "wheel"
IDENTITY = (
    "import sys, sysconfig; print(sys.implementation.name, '%d.%d' % sys.version_info[:2],"
    " bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
)


def run(*command, **options):
    print("+", *map(str, command), flush=True)
    subprocess.run([str(word) for word in command], check=True, **options)


def interpreters():
    """{"3.12": path} of the CPythons >= 3.11 that start; the first one found of each version."""
    candidates = [Path(sys.executable)]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        candidates += sorted(Path(folder or ".").glob("python3.[0-9][0-9]"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(pyenv.glob("versions/*/bin/python3"))
    found = {}
    for path in candidates:
        try:
            answer = subprocess.run([path, "-c", IDENTITY], capture_output=True, text=True, cwd="/")
        except OSError:
            continue
        fields = answer.stdout.split()
        if answer.returncode or len(fields) != 3:
            continue  # a pyenv shim of a version that is not active answers with an error
        name, version, free_threaded = fields
        numbers = tuple(map(int, version.split(".")))
        if name == "cpython" and numbers >= (3, 11) and free_threaded == "False":
            found.setdefault(version, path)
    return dict(sorted(found.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def build_sdist():
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--sdist", "--outdir", DIST, ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    shutil.unpack_archive(sdist, WORK / "sdist")
    return sdist


def build_wheel(python, folder, sdist):
    """Build from the sdist with this interpreter and repair; returns the wheel in dist/."""
    environment = folder / "build-env"
    run(python, "-m", "venv", environment)
    raw = folder / "raw"
    run(
        *(environment / "bin/python", "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--no-cache-dir", "--wheel-dir", raw, sdist),
    )
    (wheel,) = raw.glob("*.whl")
    if sys.platform == "linux":
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        command = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", folder / "repaired", wheel]
        run(*command, env={**os.environ, "PATH": tools})
        (wheel,) = (folder / "repaired").glob("*.whl")
    return Path(shutil.copy(wheel, DIST))


def test_wheel(python, folder, wheel):
    """Install into an empty environment and run the sdist's tests against what was installed."""
    (source,) = (WORK / "sdist").iterdir()
    environment = folder / "test-env"
    run(python, "-m", "venv", environment)
    installed = environment / "bin/python"
    groups = tomllib.loads((source / "pyproject.toml").read_text())["dependency-groups"]
    run(installed, "-m", "pip", "install", "--quiet", wheel, *groups["test"])
    place = folder / "elsewhere"
    shutil.copytree(source / "tests", place / "tests")
    shutil.copy(source / "pyproject.toml", place)
    run(installed, "-c", "import fastml; print(fastml.__file__); fastml.show_config()", cwd=place)
    run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=place)


def main():
    found = interpreters()
    wanted = sys.argv[1:] or list(found)
    missing = [version for version in wanted if version not in found]
    if missing:
        sys.exit(f"no working CPython {', '.join(missing)} here; found {', '.join(found)}")
    shutil.rmtree(WORK, ignore_errors=True)
    sdist = build_sdist()
    wheels = []
    for version in wanted:
        folder = WORK / version
        folder.mkdir(parents=True)
        wheel = build_wheel(found[version], folder, sdist)
        test_wheel(found[version], folder, wheel)
        wheels.append(wheel)
    print(f"built and tested: {sdist.name}", *(wheel.name for wheel in wheels), sep="\n  ")


if __name__ == "__main__":
    main()
