"""The doctor: what is wrong with a data set, and the cure."""
