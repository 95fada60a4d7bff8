"""Texts and pictures to embeddings that can be held against each other."""
