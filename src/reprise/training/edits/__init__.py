"""Edits that training views go through: what people do to pictures when they repost them."""

from reprise.training.edits.views import FINISHING_MIX, USUAL_MIX, hard_view, medium_view, mild_view

__all__ = ["FINISHING_MIX", "USUAL_MIX", "hard_view", "medium_view", "mild_view"]
