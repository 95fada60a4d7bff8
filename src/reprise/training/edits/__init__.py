"""Edits that training views go through: what people do to pictures when they repost them."""

from reprise.training.edits.views import hard_view, medium_view, mild_view

__all__ = ["hard_view", "medium_view", "mild_view"]
