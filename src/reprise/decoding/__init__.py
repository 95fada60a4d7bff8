"""Reading videos with FFmpeg's libraries (PyAV): containers, pictures, and their times."""
