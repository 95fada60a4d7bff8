"""Decoders: a video path in, frames out."""
