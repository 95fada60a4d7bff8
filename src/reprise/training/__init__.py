"""Training of what ships as weights, from drawn images alone.

The built-in copy descriptor: images, edits, stream, network, loss, loop, calibration, export. The networks that weigh
lines (line_evidence) on maps of drawn videos: drawn_videos, drawn_queries, drawn_maps.

Needs the extra `train` (`pip install '.[train]'`); nothing else in the package imports it.
"""
