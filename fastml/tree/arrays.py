"""A fitted tree as the arrays that scikit-learn's tools read."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from fastml._engine.tree.cart_pack import impurity_decreases

__all__ = ["TreeArrays"]

_LEAF, _UNDEFINED = -1, -2


class TreeArrays:
    """The tree of a fitted estimator, node by node.

    Attributes
    ----------
    node_count, capacity, n_leaves, max_depth, n_features, n_outputs, max_n_classes : int
    n_classes : intp array of shape (n_outputs,)
        1 for regression.
    children_left, children_right : intp arrays of shape (node_count,)
        -1 in a leaf.
    feature : intp array of shape (node_count,)
        -2 in a leaf.
    threshold : float64 array of shape (node_count,)
        -2 in a leaf; NaN where a split is by categories.
    missing_go_to_left : uint8 array of shape (node_count,)
    left_categories : dict of int to uint8 array
        By node that splits by categories: the codes that go left (code 0 is missing).
    impurity, weighted_n_node_samples : float64 arrays of shape (node_count,)
    n_node_samples : intp array of shape (node_count,)
    value : float64 array of shape (node_count, n_outputs, max_n_classes)
        Shares of the classes, or values.
    """

    def __init__(self, model):
        cart = model._cart
        tree = cart.tree(0)
        self._model = model
        self._tree = tree
        leaf = tree["left"] < 0
        self.node_count = self.capacity = leaf.size
        self.n_leaves = int(np.count_nonzero(leaf))
        self.n_features = model.n_features_in_
        self.n_outputs = cart.n_outputs
        n_classes = (1,) * cart.n_outputs if cart.n_classes is None else cart.n_classes
        self.n_classes = np.array(n_classes, dtype=np.intp)
        self.max_n_classes = int(self.n_classes.max())
        self.children_left = tree["left"].astype(np.intp)
        self.children_right = tree["right"].astype(np.intp)
        self.feature = np.where(leaf, _UNDEFINED, tree["feature"]).astype(np.intp)
        self.threshold = np.where(leaf, _UNDEFINED, tree["threshold"])
        self.missing_go_to_left = tree["missing_left"]
        self.impurity = tree["impurity"]
        self.n_node_samples = tree["count"].astype(np.intp)
        self.weighted_n_node_samples = tree["weight"]
        self.value = np.zeros((leaf.size, cart.n_outputs, self.max_n_classes))
        first = 0
        for k, n in enumerate(n_classes):
            self.value[:, k, :n] = tree["value"][:, first : first + n]
            first += n
        self.left_categories = {
            int(node): np.flatnonzero(
                np.unpackbits(tree["category_sets"][tree["category_set"][node]], bitorder="little")
            ).astype(np.uint8)
            for node in np.flatnonzero(tree["category_set"] >= 0)
        }

    def __reduce__(self):
        return TreeArrays, (self._model,)

    @property
    def max_depth(self):
        """Depth of the deepest leaf, 0 if the root is one."""
        return int(self.compute_node_depths().max()) - 1

    def compute_node_depths(self):
        """Depth of each node, 1 for the root: int64 array of shape (node_count,)."""
        depth = np.ones(self.node_count, dtype=np.int64)
        nodes = np.zeros(1, dtype=np.intp)
        while True:
            nodes = nodes[self.children_left[nodes] >= 0]
            if not nodes.size:
                return depth
            for children in (self.children_left, self.children_right):
                depth[children[nodes]] = depth[nodes] + 1
            nodes = np.concatenate([self.children_left[nodes], self.children_right[nodes]])

    def compute_feature_importances(self, normalize=True):
        """Decrease of the impurity by feature: float64 array of shape (n_features,)."""
        sums = impurity_decreases(self._tree, self.n_features)
        total = sums.sum()
        return sums / total if normalize and total > 0 else sums

    def apply(self, X):
        """Leaf of each row: intp array of shape (n_rows,)."""
        return self._model._leaves(X)[:, 0].astype(np.intp)

    def predict(self, X):
        """Values of the leaves of the rows.

        Returns
        -------
        float64 array of shape (n_rows, max_n_classes), or (n_rows, n_outputs, max_n_classes) for several
        """
        value = self.value[self.apply(X)]
        return value[:, 0] if self.n_outputs == 1 else value

    def decision_path(self, X):
        """Nodes that each row passes: CSR matrix of ones of shape (n_rows, node_count)."""
        parent = np.full(self.node_count, -1, dtype=np.intp)
        inner = np.flatnonzero(self.children_left >= 0)
        parent[self.children_left[inner]] = parent[self.children_right[inner]] = inner
        at = self.apply(X)
        n_rows = at.size
        rows, nodes, row = [], [], np.arange(n_rows)
        while row.size:
            rows.append(row)
            nodes.append(at)
            at = parent[at]
            row, at = row[at >= 0], at[at >= 0]
        ones = np.ones(sum(part.size for part in rows), dtype=np.intp)
        ij = (np.concatenate(rows), np.concatenate(nodes))
        path = sparse.csr_matrix((ones, ij), shape=(n_rows, self.node_count))
        path.sort_indices()
        return path

    def compute_partial_dependence(self, X, target_features, out):
        """Add the mean prediction at each grid point, other features averaged over the training rows.

        Parameters
        ----------
        X : array of shape (n_points, n_target_features)
        target_features : integer array of shape (n_target_features,)
        out : float64 array of shape (n_points,)
            Changed in place.
        """
        X = np.asarray(X, dtype=np.float64)
        place = {int(f): j for j, f in enumerate(target_features)}
        share = np.zeros((self.node_count, len(X)))
        share[0] = 1.0
        for node in np.argsort(self.compute_node_depths(), kind="stable"):
            a, b = self.children_left[node], self.children_right[node]
            if a < 0:
                out += share[node] * self.value[node, 0, 0]
            elif int(self.feature[node]) in place:
                left = X[:, place[int(self.feature[node])]] <= self.threshold[node]
                share[a], share[b] = share[node] * left, share[node] * ~left
            else:
                part = self.weighted_n_node_samples[a] / self.weighted_n_node_samples[node]
                share[a], share[b] = share[node] * part, share[node] * (1 - part)
