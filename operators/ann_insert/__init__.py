"""Inserting vectors into Milvus."""
