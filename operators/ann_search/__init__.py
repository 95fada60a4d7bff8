"""Nearest-neighbour search in Milvus."""
