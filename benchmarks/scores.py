"""Quality on held-out rows: one measure for each kind of task."""

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, mean_poisson_deviance, roc_auc_score

MEASURES = {"binary": "AUC", "multiclass": "log loss", "regression": "RMSE", "poisson": "Poisson deviance"}
HIGHER_IS_BETTER = {"AUC"}


def quality(task, predicted):
    """Scores of the predictions for the held-out rows.

    predicted: probability of class 1 (n,), probabilities (n, n_classes), or values (n,). Returns a dict with
    the measure of MEASURES and, for classes, one more.
    """
    y, predicted = task.y_test, np.asarray(predicted, dtype=np.float64)
    if not np.isfinite(predicted).all():
        raise ValueError("a prediction is not finite")
    if task.kind == "binary":
        return {"AUC": roc_auc_score(y, predicted), "log loss": log_loss(y, predicted)}
    if task.kind == "multiclass":
        labels = np.arange(task.n_classes)
        # float32 rows need not sum to 1 in double
        predicted = predicted / predicted.sum(axis=1, keepdims=True)
        return {
            "log loss": log_loss(y, predicted, labels=labels),
            "accuracy": accuracy_score(y, predicted.argmax(axis=1)),
        }
    if task.kind == "poisson":
        return {"Poisson deviance": mean_poisson_deviance(y, predicted, sample_weight=task.weight_test)}
    return {"RMSE": float(np.sqrt(np.mean((y - predicted) ** 2)))}
