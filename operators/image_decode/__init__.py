"""Image files to pictures."""
