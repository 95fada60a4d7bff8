"""Training of the built-in copy descriptor: images, edits, network, loss, loop, calibration, export.

Needs the extra `train` (`pip install 'reprise[train]'`); nothing else in the package imports it.
"""
