"""Embedders: a frame or a batch of frames in, embeddings out."""
