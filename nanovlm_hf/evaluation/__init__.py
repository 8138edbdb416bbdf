"""Evaluation: held-out beginnings completed by any model, sight measured by likelihood, figures with intervals."""
