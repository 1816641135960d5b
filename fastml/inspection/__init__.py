"""What a fitted tree model does with its features: SHAP values."""

from fastml.inspection.explanation import Explanation

__all__ = ["Explanation"]
