"""Towhee's own small operators, so that they work without its hub."""
