"""A trained model as a folder to give away: weights in half precision, card, styles, examples."""
