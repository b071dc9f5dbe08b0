"""Training: the loop, the folder of a run, its log, and averages of weights."""
