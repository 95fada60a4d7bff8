"""Sound as a second witness: what a video sounds like, and which stretches of two videos sound the same."""

from __future__ import annotations

FORMAT = "chromaprint"  # what the rows of videos say that their fingerprint is made with
NO_SOUND = "none"  # what they say where a fingerprint was asked for and there is no sound
