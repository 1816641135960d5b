"""Trees as text and pictures, drawn by scikit-learn from our arrays."""

from __future__ import annotations

from sklearn.base import is_classifier

from fastml.tree.base import BaseTree

__all__ = ["export_graphviz", "export_text", "plot_tree"]


def _export(name, decision_tree, *arguments, **options):
    """Call one of scikit-learn's exports with a tree that it takes for its own."""
    from sklearn import tree  # at the top it would lengthen fastml's import

    return getattr(tree, name)(_stand_in(decision_tree, tree), *arguments, **options)


def _stand_in(decision_tree, sklearn_tree):
    """A scikit-learn tree with the fitted attributes that its exports read."""
    if not isinstance(decision_tree, BaseTree):
        return decision_tree
    decision_tree._check_fitted()
    cls = (
        sklearn_tree.DecisionTreeClassifier
        if is_classifier(decision_tree)
        else sklearn_tree.DecisionTreeRegressor
    )
    other = cls(criterion=decision_tree.criterion)
    for name in ("n_features_in_", "n_outputs_", "classes_", "n_classes_", "feature_names_in_", "tree_"):
        if hasattr(decision_tree, name):
            setattr(other, name, getattr(decision_tree, name))
    if decision_tree.tree_.left_categories:
        raise ValueError(
            "the tree has splits by categories, which scikit-learn's exports cannot show: see "
            "tree_.left_categories, or fit with categorical_features=None"
        )
    return other


def export_text(decision_tree, **options):
    """The rules of a tree as text; see :func:`sklearn.tree.export_text`.

    Parameters
    ----------
    decision_tree : fitted tree of fastml (or scikit-learn)
    **options
        feature_names, class_names, max_depth, spacing, decimals, show_weights.

    Returns
    -------
    str

    Examples
    --------
    >>> from fastml.tree import DecisionTreeClassifier, export_text
    >>> print(export_text(DecisionTreeClassifier().fit([[0], [1]], ["no", "yes"])))
    |--- feature_0 <= 0.50
    |   |--- class: no
    |--- feature_0 >  0.50
    |   |--- class: yes
    <BLANKLINE>
    """
    return _export("export_text", decision_tree, **options)


def plot_tree(decision_tree, **options):
    """Draw a tree with matplotlib; see :func:`sklearn.tree.plot_tree`.

    Parameters
    ----------
    decision_tree : fitted tree of fastml (or scikit-learn)
    **options
        max_depth, feature_names, class_names, label, filled, impurity, node_ids, proportion, rounded,
        precision, ax, fontsize.

    Returns
    -------
    list of matplotlib artists
    """
    return _export("plot_tree", decision_tree, **options)


def export_graphviz(decision_tree, out_file=None, **options):
    """A tree in the DOT language; see :func:`sklearn.tree.export_graphviz`.

    Parameters
    ----------
    decision_tree : fitted tree of fastml (or scikit-learn)
    out_file : str, file object or None, default=None
    **options
        max_depth, feature_names, class_names, label, filled, leaves_parallel, impurity, node_ids, proportion,
        rotate, rounded, special_characters, precision, fontname.

    Returns
    -------
    str or None
        The text, if `out_file` is None.
    """
    return _export("export_graphviz", decision_tree, out_file, **options)
