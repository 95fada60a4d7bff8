"""Videos of a library that share content: found through cells of alike frames, aligned, and put into clusters."""
