"""What a fitted tree model does with its features: SHAP values, partial dependence."""

from fastml.inspection.explanation import Explanation
from fastml.inspection.partial_dependence import partial_dependence

__all__ = ["Explanation", "partial_dependence"]
