"""A library's video matrices as files that other programs read, and such files back into a library."""
