"""Networks that embed pictures and texts into one space, for search by what is shown."""
