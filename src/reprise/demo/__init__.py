"""The demo: videos made from photographs, with copies planted in them."""
