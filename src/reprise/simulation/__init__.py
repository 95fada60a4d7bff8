"""Similarity maps with planted copies, whose true segments are known: to measure aligners and to train weights."""
