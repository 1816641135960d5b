"""How the radius of the neighbourhood and the learning rate shrink."""

from __future__ import annotations

import numpy as np

__all__ = ["SCHEDULES", "scheduled"]

SCHEDULES = ("linear", "exponential", "inverse")


def scheduled(schedule, start, end, progress, name="schedule"):
    """Values of a schedule.

    Parameters
    ----------
    schedule : {"linear", "exponential", "inverse"} or callable
        With p the progress: ``start + (end - start) p``; ``start (end / start)^p``;
        ``start / (1 + p (start / end - 1))``, which all lead from `start` to `end` (an `end` of 0 is taken as
        a thousandth of `start` by the last two); or ``schedule(p)``, a number that is not negative.
    start, end : float
    progress : float64 array
        From 0, the first step, to 1, the last.
    name : str
        What an error calls the schedule.

    Returns
    -------
    float64 array of the shape of `progress`

    Raises
    ------
    ValueError
        If a callable returns something else than a finite number that is not negative.
    """
    progress = np.asarray(progress, dtype=np.float64)
    if callable(schedule):
        values = np.array([_checked(schedule(float(p)), float(p), name) for p in progress.ravel()])
        return values.reshape(progress.shape)
    if schedule == "linear" or start == 0:
        return start + (end - start) * progress
    end = end or start / 1000
    if schedule == "exponential":
        return start * (end / start) ** progress
    return start / (1 + progress * (start / end - 1))


def _checked(value, progress, name):
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(
            f"{name} must return a finite number that is not negative, it returned {value!r} at progress "
            f"{progress:.3g}"
        )
    return number
