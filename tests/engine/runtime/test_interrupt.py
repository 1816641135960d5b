"""A pending signal stops long work at the next check."""

import _thread
import functools
import operator
import threading

import pytest

from fastml._engine.runtime import interrupt


def test_nothing_pending():
    assert interrupt.check() == 0


def test_pending_interrupt_is_raised_by_the_check():
    reached = []
    # all three are called from C, where nobody else looks for signals in between
    calls = [_thread.interrupt_main, interrupt.check, functools.partial(reached.append, "after the check")]
    with pytest.raises(KeyboardInterrupt):
        list(map(operator.call, calls))
    assert reached == []


def test_other_threads_do_not_handle_signals():
    results = []
    thread = threading.Thread(target=lambda: results.append(interrupt.check()))
    thread.start()
    thread.join()
    assert results == [0]
