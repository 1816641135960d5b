"""Minimal cost-complexity pruning.

L. Breiman, J. Friedman, R. Olshen, C. Stone. "Classification and Regression Trees." Wadsworth, 1984, ch. 3.
"""

from __future__ import annotations

import heapq

import numpy as np

__all__ = ["prune", "pruning_path"]


class _Pruner:
    """Cuts one branch after the other: always the one whose leaves are worth least.

    A branch with L leaves is worth (cost of its root as a leaf - cost of its leaves) / (L - 1) a leaf.
    """

    def __init__(self, tree):
        self.left, self.right = tree["left"].astype(np.intp), tree["right"].astype(np.intp)
        self.cost = tree["weight"] / tree["weight"][0] * tree["impurity"]
        n_nodes = self.left.size
        self.parent = np.full(n_nodes, -1, dtype=np.intp)
        self.leaves = np.where(self.left < 0, 1, 0)
        self.branch = np.where(self.left < 0, self.cost, 0.0)
        inner = np.flatnonzero(self.left >= 0)
        self.parent[self.left[inner]] = self.parent[self.right[inner]] = inner
        for node in inner[::-1]:  # children come after their parent
            for child in (self.left[node], self.right[node]):
                self.leaves[node] += self.leaves[child]
                self.branch[node] += self.branch[child]
        self.gone = np.zeros(n_nodes, dtype=bool)
        self.version = np.zeros(n_nodes, dtype=np.intp)
        self.heap = [(self._worth(node), node, 0) for node in inner.tolist()]
        heapq.heapify(self.heap)

    def _worth(self, node):
        return float((self.cost[node] - self.branch[node]) / (self.leaves[node] - 1))

    def weakest(self):
        """(worth, node) of the branch to be cut next, None when only the root is left."""
        while self.heap:
            worth, node, version = self.heap[0]
            if self.left[node] >= 0 and not self.gone[node] and version == self.version[node]:
                return worth, node
            heapq.heappop(self.heap)
        return None

    def cut(self, node):
        stack = [int(self.left[node]), int(self.right[node])]
        while stack:
            below = stack.pop()
            self.gone[below] = True
            if self.left[below] >= 0:
                stack += [int(self.left[below]), int(self.right[below])]
        self.left[node] = self.right[node] = -1
        fewer, dearer = self.leaves[node] - 1, self.cost[node] - self.branch[node]
        at = node
        while at >= 0:
            self.leaves[at] -= fewer
            self.branch[at] += dearer
            if at != node:
                self.version[at] += 1
                heapq.heappush(self.heap, (self._worth(at), at, int(self.version[at])))
            at = int(self.parent[at])


def pruning_path(tree):
    """Costs and impurities of the nested subtrees.

    Parameters
    ----------
    tree : dict of arrays
        As `CartForest.tree`.

    Returns
    -------
    ccp_alphas, impurities : float64 arrays of shape (n_subtrees,)
        From the whole tree to its root.
    """
    pruner = _Pruner(tree)
    alphas, impurities = [0.0], [float(pruner.branch[0])]
    while (weakest := pruner.weakest()) is not None:
        alphas.append(weakest[0])
        pruner.cut(weakest[1])
        impurities.append(float(pruner.branch[0]))
    return np.array(alphas), np.array(impurities)


def prune(tree, ccp_alpha):
    """The largest subtree whose branches are all worth more than `ccp_alpha` a leaf, as arrays by node."""
    pruner = _Pruner(tree)
    while (weakest := pruner.weakest()) is not None and weakest[0] <= ccp_alpha:
        pruner.cut(weakest[1])
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if pruner.left[node] >= 0:
            stack += [int(pruner.right[node]), int(pruner.left[node])]
    kept = np.array(order, dtype=np.intp)
    place = np.full(pruner.left.size, -1, dtype=np.int32)
    place[kept] = np.arange(kept.size)
    pruned = {name: array[kept] for name, array in tree.items() if name != "category_sets"}
    leaf = pruner.left[kept] < 0
    for name, children in (("left", pruner.left), ("right", pruner.right)):
        pruned[name] = np.where(leaf, -1, place[children[kept]]).astype(np.int32)
    for name in ("feature", "category_set"):
        pruned[name] = np.where(leaf, -1, pruned[name]).astype(np.int32)
    pruned["threshold"] = np.where(leaf, np.nan, pruned["threshold"])
    pruned["missing_left"] = np.where(leaf, 0, pruned["missing_left"]).astype(np.uint8)
    pruned["category_sets"] = tree["category_sets"]
    return pruned
