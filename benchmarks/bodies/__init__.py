"""Bodies before and after the fit: against the truth of the frozen test set, and on photos."""
