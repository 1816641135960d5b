"""A fit that ends in an error or in Ctrl-C leaves the estimator as it was."""

from __future__ import annotations

from contextlib import contextmanager

__all__ = ["rollback"]


@contextmanager
def rollback(estimator):
    """Give an estimator its attributes back if what is done inside raises.

    Arrays are not copied: what is done inside makes new ones instead of writing into them.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
