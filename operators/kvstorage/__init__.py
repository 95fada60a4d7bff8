"""Video matrices in LevelDB."""
