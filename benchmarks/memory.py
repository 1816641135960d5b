"""Peak of the resident memory between two points of a program."""

import ctypes
import gc
import resource
from pathlib import Path


def _status(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


class PeakMemory:
    """`start()`, work, `growth()`: bytes by which the work's peak exceeded what was resident at the start.

    On Linux the kernel's high-water mark is put back at the start (Documentation/filesystems/proc.rst,
    clear_refs). Elsewhere the mark can only rise, so that the growth is a lower bound.
    """

    def start(self):
        gc.collect()
        try:
            # give freed memory back first, or the work reuses it unseen
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):
            pass
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self._before, self._peak = _status("VmRSS"), lambda: _status("VmHWM")
        except OSError:
            self._peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            self._before = self._peak()
        return self

    def growth(self):
        return self._peak() - self._before
