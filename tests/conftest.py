"""What all tests need."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def hear_ctrl_c():
    """Ctrl-C is heard whatever started the tests: a shell lets its background processes ignore it."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, before)
