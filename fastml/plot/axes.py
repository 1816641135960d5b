"""Axes to draw into, and the few colours that all pictures share."""

__all__ = ["BLUE", "GREY", "INK", "LINES", "ORANGE", "need_matplotlib", "new_axes", "strip_frame"]

INK = "#222222"
GREY = "#8a8f98"
BLUE = "#2f6db3"
ORANGE = "#d9792b"
# Told apart by people with red-green blindness too (after Okabe and Ito, 2008), and by lightness in print.
LINES = (BLUE, ORANGE, "#1b8a6b", "#a6457a", "#7a5c00", "#4aa3d9", "#555555")


def need_matplotlib():
    """Say how to get matplotlib if it is missing.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "fastml[plot]"') from error


def new_axes(ax, width, height):
    """The given axes, or those of a new figure of this size in inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    need_matplotlib()
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def strip_frame(ax):
    """Leave only the frame lines that carry a scale."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(colors=INK, length=3)
