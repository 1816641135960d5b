"""Sphinx settings. ``make docs`` builds the pages and treats every warning as an error."""

import fastml

project = "fastml"
author = "The fastml developers"
copyright = "2026, The fastml developers"
version = release = fastml.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]

# Docstrings inherited from scikit-learn refer to pages of its documentation.
suppress_warnings = ["ref.ref"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

numpydoc_show_class_members = True
numpydoc_show_inherited_class_members = True
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "furo"
html_title = f"fastml {release}"
html_show_sourcelink = False
