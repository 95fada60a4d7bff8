"""Aligners: a similarity map in, the copied stretches of both videos out."""
