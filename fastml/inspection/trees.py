"""The methods of tree models that show their trees."""

from __future__ import annotations

__all__ = ["ShownTrees"]


class ShownTrees:
    """Mixin of the estimators that are made of trees; a subclass says what they are by `_describe_forest`."""

    def dump(self, format="text", **options):
        """The trees for people or for other programs.

        Parameters
        ----------
        format : {'text', 'json', 'dot'}, default='text'
        **options
            Passed to :func:`fastml.io.dump_text`, :func:`fastml.io.dump_json` or :func:`fastml.io.dump_dot`
            (trees, precision, indent, feature_names, ...).

        Returns
        -------
        str
        """
        from fastml.io import dump_dot, dump_json, dump_text

        writers = {"text": dump_text, "json": dump_json, "dot": dump_dot}
        if format not in writers:
            raise ValueError(f"format must be 'text', 'json' or 'dot', got {format!r}")
        return writers[format](self, **options)

    def plot_tree(self, tree_index=0, **options):
        """Draw one tree with matplotlib; see :func:`fastml.plot.plot_tree`."""
        from fastml.plot import plot_tree

        return plot_tree(self, tree_index, **options)
