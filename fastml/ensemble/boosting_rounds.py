"""What the rounds of a boosting fit need: forest, scores, the loop, and the scores of early stopping."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names

from fastml._engine.tree.boosting import BoostingLoop, WatchedRows, margin_baseline
from fastml._engine.tree.dropout import Dropout
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.predict import add_tree
from fastml._engine.tree.sampling import AllRows, GradientRows, RandomRows
from fastml.ensemble.monitor import EarlyStopping, small_sample
from fastml.ensemble.rows import take_rows

__all__ = ["BoostingRounds"]

_MOST = 2**31 - 1


def _limited(number):
    """A limit as large as the grower's integers can hold; larger ones, or None, are no limit there."""
    return None if number is None else min(int(number), _MOST)


class BoostingRounds:
    """Mixin that makes the parts of the boosting loop from the estimator's parameters.

    Attributes
    ----------
    _forest : Forest
    _objective : Objective
    _random_seed : int
    """

    def _start_forest(self, train, warm, n_threads):
        if warm:
            return
        objective = self._objective
        if train.margin is None or objective.name == "custom":
            baseline = objective.baseline(train.y, train.weight)
        else:
            baseline = margin_baseline(objective, train.y, train.weight, train.margin, n_threads)
        self._forest = Forest(objective.n_outputs, baseline)

    def _start_scores(self, rows, n_threads):
        """Scores of the rows under the forest as it is."""
        forest = self._forest
        rows.raw = np.empty((forest.n_outputs, rows.binned.n_rows))
        rows.raw[...] = forest.baseline[:, None]
        if rows.margin is not None:
            rows.raw += rows.margin
        for i in range(forest.n_trees):
            add_tree(forest, i, rows.binned, rows.raw[forest.output_of(i)], n_threads=n_threads)

    def _make_loop(self, train, watched, directions, groups, n_threads):
        sampler = self._row_sampler(train.binned.n_rows)
        constant_hessian = self._objective.constant_hessian and train.weight is None and not sampler.reweights
        grower = Grower(
            train.binned,
            edges=self._bin_mapper.edges_,
            n_threads=n_threads,
            max_leaf_nodes=_limited(self.max_leaf_nodes),
            max_depth=_limited(self.max_depth),
            growth=self.growth,
            min_samples_leaf=_limited(self.min_samples_leaf),
            min_weight_leaf=self.min_weight_leaf,
            min_sum_hessian=self.min_sum_hessian,
            min_split_gain=self.min_split_gain,
            l1=self.l1_regularization,
            l2=self.l2_regularization,
            max_delta_step=self.max_delta_step,
            path_smooth=self.path_smooth,
            cat_smooth=self.cat_smooth,
            cat_l2=self.cat_l2,
            max_cat_onehot=_limited(self.max_cat_onehot),
            monotonic_cst=directions,
            interaction_cst=groups,
            colsample_bylevel=self.colsample_bylevel,
            colsample_bynode=self.max_features * self.colsample_bynode,
            extra_random=self.extra_random,
            constant_hessian=constant_hessian,
        )
        dropout = None
        if self.boosting == "dart":
            dropout = Dropout(self.drop_rate, self.skip_drop, self.max_drop, self._random_seed + 2)
        return BoostingLoop(
            forest=self._forest,
            binned=train.binned,
            grower=grower,
            objective=self._objective,
            y=train.y,
            weight=train.weight,
            raw=train.raw,
            seed=self._random_seed,
            grower_seed=self._random_seed if self._grower_draws() else 0,
            n_threads=n_threads,
            constant_hessian=constant_hessian,
            row_sampler=sampler,
            dropout=dropout,
            feature_fraction=self.colsample_bytree,
            weigh_leaves=self.min_weight_leaf > 0,
            monotonic_cst=directions,
            watched=[WatchedRows(rows.binned, rows.raw) for rows in watched],
            moved=train.move if self._order_is_free() else None,
        )

    def _order_is_free(self):
        """Whether nobody but the loop looks at single training rows while the model grows."""
        return self._objective.name != "custom" and (not self.do_early_stopping_ or self.scoring == "loss")

    def _grower_draws(self):
        """Whether growing one tree involves chance."""
        return self.extra_random or self.max_features * self.colsample_bynode * self.colsample_bylevel < 1

    def _row_sampler(self, n_rows):
        seed = self._random_seed + 1
        if self.boosting == "goss":
            full_rounds = int(min(1 / self.learning_rate, _MOST))
            return GradientRows(n_rows, self.top_rate, self.other_rate, seed, full_rounds)
        return RandomRows(n_rows, self.subsample, seed) if self.subsample < 1 else AllRows()

    def _start_early_stopping(self, train, validation, warm):
        """The scores before the first round, and the object that computes those after each."""
        train_score = list(self.train_score_) if warm else []
        validation_score = list(self.validation_score_) if warm else []
        if not self.do_early_stopping_:
            return None
        if self.scoring == "loss":
            score_train = self._negative_loss(train)
            score_validation = None if validation.binned is None else self._negative_loss(validation)
        else:
            scorer = check_scoring(self, self.scoring)
            by_name = isinstance(self.scoring, str) and self.scoring in get_scorer_names()
            classes = train.y if self._stratifies else None
            chosen = small_sample(train.y.shape[0], classes, self._random_seed)
            score_train = self._scorer_of(train, scorer, by_name, chosen)
            score_validation = (
                None if validation.binned is None else self._scorer_of(validation, scorer, by_name)
            )
        stopping = EarlyStopping(
            score_train, score_validation, self.n_iter_no_change, self.tol, train_score, validation_score
        )
        if not warm or not train_score:
            stopping.check()
        return stopping

    def _negative_loss(self, rows):
        return lambda: -self._objective.loss(rows.y, rows.raw, rows.weight)

    def _scorer_of(self, rows, scorer, by_name, chosen=None):
        """A function that computes the scorer on the rows, or on the chosen ones of them."""
        y = self._decode_y(rows.y if chosen is None else rows.y[chosen])
        options = {}
        if rows.weight is not None:
            options["sample_weight"] = rows.weight if chosen is None else rows.weight[chosen]
        if by_name:

            def score():
                raw = rows.raw if chosen is None else rows.raw[:, chosen]
                with self._scores_given(raw.T):
                    return float(scorer(self, None, y, **options))

            return score

        X, kept = rows.X if isinstance(rows.X, tuple) else (rows.X, None)
        if chosen is not None:
            kept = chosen if kept is None else kept[chosen]
        if kept is not None:
            X = take_rows(X, kept)
        return lambda: float(scorer(self, X, y, **options))
