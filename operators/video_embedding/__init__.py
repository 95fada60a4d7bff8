"""Towhee's `ops.video_embedding`."""
