"""The judge: a segmenter of one's own classes, trained on real photos, that says what generated ones show."""
