"""What every library is asked for: the same number of rounds, leaves, bins and threads."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Setting:
    """One boosting job, in words that no library owns; the adapters translate it.

    `l2` is 1 for everyone, because the libraries' defaults differ: 0 (LightGBM, scikit-learn), 1 (XGBoost),
    3 (CatBoost).
    """

    leaves: int = 255
    rounds: int = 100
    learning_rate: float = 0.1
    max_bins: int = 255
    min_samples_leaf: int = 20
    l2: float = 1.0
    threads: int = 2
    seed: int = 0

    def describe(self):
        """The setting on one line, without what differs from row to row of a table."""
        fixed = {k: v for k, v in asdict(self).items() if k not in ("leaves", "seed")}
        return ", ".join(f"{name} {value:g}" for name, value in fixed.items())
