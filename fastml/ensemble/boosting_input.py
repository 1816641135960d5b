"""What a boosting fit is given, from the user's arrays to bins: training, validation and evaluation rows."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_consistent_length

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.objective import make_objective
from fastml._engine.tree.table import Labels, Table
from fastml._input.constraints import categorical_mask
from fastml._input.targets import check_margin, check_weight

__all__ = ["BoostingInput"]

_MOST_BINS = 255
_LEAST_WEIGHT = 1e-30


class BoostingInput:
    """Mixin that checks and encodes the rows of a fit, in place (see `Rows`).

    Attributes
    ----------
    _bin_mapper : BinMapper
    _categories : CategoryEncoder
    _objective : Objective
    _objective_spec : dict
    """

    def _read_training_rows(self, train, warm):
        """Check X, y and weights; learn features, categories and classes unless the fit is continued."""
        X = self._check_X(train.X, reset=not warm)
        table = Table(X)
        if not warm:
            self.is_categorical_ = categorical_mask(table, self.categorical_features)
            self._categories = CategoryEncoder().fit(table, self.is_categorical_)
        train.data = self._categories.transform(table)
        train.y = self._encode_y(train.y, reset=not warm)
        check_consistent_length(X if hasattr(X, "shape") else train.data[0], train.y)
        train.weight = self._finalize_sample_weight(check_weight(train.weight, train.y), train.y)
        if train.weight is not None and train.weight.max() < _LEAST_WEIGHT:
            raise ValueError(
                f"the largest sample weight is {train.weight.max():g}: gradients, which are float32, would "
                f"vanish; multiply the weights so that it is at least {_LEAST_WEIGHT:g}."
            )
        self._start_objective(warm)
        if not warm:
            self.n_trees_per_iteration_ = self._objective.n_outputs
            self._limit_categories(table, train.data)
        train.y = self._objective_target(train.y)
        train.margin = check_margin(train.margin, train.y.shape[0], self.n_trees_per_iteration_)

    def _start_objective(self, warm):
        """The loss; rounds of one loss cannot be continued with another."""
        spec = self._loss_options()
        if warm and not (callable(spec["loss"]) and callable(self._objective_spec["loss"])):
            if spec != self._objective_spec:
                raise ValueError(
                    f"loss={self.loss!r} or one of its parameters differs from that of the rounds which "
                    "warm_start=True would continue; set it back, or fit with warm_start=False."
                )
            return
        # a function of the user may be another object than before: a model file does not hold it
        self._objective_spec = spec
        self._objective = make_objective(**spec)

    def _limit_categories(self, table, data):
        """Refuse more than ``max_bins`` categories where the user has set a limit.

        At the default of 255 the BinMapper groups the rarest.
        """
        if self.is_categorical_ is None or self.max_bins >= _MOST_BINS:
            return
        for j in np.flatnonzero(self.is_categorical_):
            column = data[j] if isinstance(data, list) else Table(data).column(int(j))
            known = self._categories.categories_.get(int(j))
            if known is None and not isinstance(column, Labels):
                distinct = np.unique(column)
                known = distinct[(distinct >= 0) & ~np.isnan(distinct)]
            if len(known) > self.max_bins:
                raise ValueError(
                    f"Categorical feature {table.title(int(j))} is expected to have a cardinality <= "
                    f"{self.max_bins} but actually has a cardinality of {len(known)}."
                )

    def _check_validation_arguments(self, validation):
        if validation.X is None and validation.y is None:
            if validation.weight is not None or validation.margin is not None:
                raise ValueError(
                    "sample_weight_val and base_margin_val are for X_val, which was not provided."
                )
            return
        if validation.y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if validation.X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val and y_val are passed to fit while at the same time early_stopping is False. When "
                "passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
            )

    def _read_other_rows(self, rows, name):
        """Check and encode rows beside the training rows, in place."""
        X = self._check_X(rows.X, reset=False)
        rows.data = self._categories.transform(Table(X))
        target = "y_val" if name == "X_val" else f"y of {name}"
        rows.y = self._objective_target(self._encode_y(rows.y, reset=False, name=target))
        check_consistent_length(X, rows.y)
        rows.weight = check_weight(rows.weight, rows.y, f"the sample weights of {name}")
        rows.margin = check_margin(rows.margin, rows.y.shape[0], self.n_trees_per_iteration_)

    def _bin(self, train, validation, evaluation, provided, warm, n_threads):
        """Codes of all rows; sets rows aside for early stopping.

        The rows set aside have no say in where bins end.
        """
        held_out = None
        if self.do_early_stopping_ and self.validation_fraction is not None and not provided:
            kept, held_out = self._split(train.y)
        seen = train.weight
        if held_out is not None:
            seen = np.ones(train.y.shape[0]) if seen is None else seen.copy()
            seen[held_out] = 0.0
        if not warm:
            self._bin_mapper = BinMapper(
                max_bins=self.max_bins,
                categorical=self.is_categorical_,
                random_state=self._random_seed,
                n_threads=n_threads,
            ).fit(train.data, seen)
        binned = self._bin_mapper.transform(train.data)
        if held_out is None:
            train.binned = binned
        else:
            X = train.X
            for rows, chosen in ((validation, held_out), (train, kept)):
                rows.binned = binned.take(chosen, n_threads=n_threads)
                rows.y, rows.weight, rows.margin = (
                    None if part is None else np.ascontiguousarray(part[..., chosen])
                    for part in (train.y, train.weight, train.margin)
                )
                rows.X = (X, chosen)
        for rows in ([validation] if provided else []) + list(evaluation.values()):
            rows.binned = self._bin_mapper.transform(rows.data)
        for rows in (train, validation, *evaluation.values()):
            rows.data = None

    def _split(self, y):
        """Rows to train on and rows to set aside; the same in every warm start."""
        return train_test_split(
            np.arange(y.shape[0]),
            test_size=self.validation_fraction,
            stratify=y if self._stratifies else None,
            random_state=self._random_seed,
        )
