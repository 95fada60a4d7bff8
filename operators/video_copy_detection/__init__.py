"""Choosing candidates and aligning them."""
