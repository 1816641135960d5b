"""What users hand in, checked: tables, targets and weights, and what they say of features."""
