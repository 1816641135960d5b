"""Damaged models: ``python -m tests.fuzz.fuzz [seconds] [seed]`` makes them until the time is over.

Each golden model is damaged in each form in which it could be handed in (`seeds`), read, and if it is
accepted, used. What happens must be an answer or a `ModelFileError`. Another exception, a crash, a request
for much memory or a run without end stops it, and the case is printed as a line for `corpus.json`,
which every run of the tests repeats. The n-th damage of a seed is always the same.
"""

import faulthandler
import json
import mmap
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from .seeds import seeds

CORPUS = Path(__file__).with_name("corpus.json")
_MEMORY = 512 * 2**20  # beyond what the program takes before it starts; the files have at most 20 kB
_SLOWEST = 120.0  # seconds of the processor for 256 cases


def case(found, seed, n):
    """The n-th seed and its edits."""
    own = found[n % len(found)]
    return own, own.damage(random.Random(seed << 40 | n))


def written(own, edits):
    """A line for `corpus.json`."""
    return json.dumps([own.name, edits])


def pattern(message):
    """A message without its names and numbers."""
    message = re.sub(r"not valid JSON: .*", "not valid JSON", message)
    message = re.sub(r"'[^']*'|\"[^\"]*\"|\[.*\]|\(.*\)|\{.*\}|b'.*", "…", message)
    return re.sub(r"\S*\d\S*|\bnan\b|\binf\b", "#", message)[:70]


def fuzz(seconds, seed, at, keep=None):
    """Run cases until the time is over; `at`: where the number of the present one is written."""
    found = seeds()
    limits = _limit_memory()
    faulthandler.register(signal.SIGPROF, chain=True)  # tells where it hangs, then the signal kills
    messages, n, accepted, started = Counter(), 0, 0, time.monotonic()
    while n == 0 or n & 255 or time.monotonic() - started < seconds:
        if not n & 255:
            signal.setitimer(signal.ITIMER_PROF, _SLOWEST)
        struct.pack_into("Q", at, 0, n)
        own, edits = case(found, seed, n)
        try:
            error = own.run(edits)
        except BaseException:
            print(f"seed {seed}, run {n}:\n{written(own, edits)}", flush=True)
            raise
        n += 1
        if error is None:
            accepted += 1
        else:
            messages[pattern(error)] += 1
            if keep is not None:
                keep(pattern(error), own, edits)
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.unregister(signal.SIGPROF)
    resource.setrlimit(resource.RLIMIT_AS, limits)
    spent = time.monotonic() - started
    print(
        f"{n:,} damaged models of {len(found)} seeds in {spent:.0f} s ({n / spent:.0f} a second): "
        f"{accepted:,} were read and used, the others refused in {len(messages)} ways, the commonest:"
    )
    for message, count in messages.most_common(12):
        print(f"{count:9,}  {message}")


def _limit_memory():
    """Refuse more than `_MEMORY` from here on; returns the limits of before."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if "libasan" in Path("/proc/self/maps").read_text():  # its shadow takes terabytes of addresses
        return limits
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, limits[1]))
    return limits


def replay():
    """Print the cases of the corpus with the error that each gets."""
    by_name = {own.name: own for own in seeds()}
    for name, edits in json.loads(CORPUS.read_text()):
        shown = ", ".join(" ".join(str(word) for word in edit)[:60] for edit in edits)
        print(f"{name}: {shown}\n    {by_name[name].run(edits) or 'is read'}")


def collect(seconds, seed):
    """Add to `corpus.json`: a case of one edit for each way to refuse."""
    best = {}

    def keep(message, own, edits):
        if message not in best and len(edits) == 1 and len(str(edits)) < 200:
            best[message] = (own, edits)

    fuzz(seconds, seed, bytearray(8), keep)
    old = [json.dumps(one) for one in json.loads(CORPUS.read_text())] if CORPUS.exists() else []
    new = sorted(written(*one) for one in best.values())
    CORPUS.write_text("[\n" + ",\n".join(dict.fromkeys([*old, *new])) + "\n]\n")


def main(arguments):
    if arguments[:1] == ["replay"]:
        return replay()
    if arguments[:1] == ["collect"]:
        return collect(float(arguments[1]), int(arguments[2]))
    if arguments[:1] == ["run"]:
        with open(arguments[3], "r+b") as file, mmap.mmap(file.fileno(), 8) as at:
            return fuzz(float(arguments[1]), int(arguments[2]), at)
    # a child does the work: a crash must not take the report with it
    seconds, seed = (arguments + ["60", "0"][len(arguments) :])[:2]
    last = Path("fuzz-last.bin")
    last.write_bytes(bytes(8))
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.fuzz", "run", seconds, seed, str(last)]
    code = subprocess.run(command).returncode
    if code:
        (n,) = struct.unpack("Q", last.read_bytes())
        print(f"ended with {code} in seed {seed}, run {n}:\n{written(*case(seeds(), int(seed), n))}")
    last.unlink()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
