"""Where a library keeps its vectors: frame and video rows in Milvus, video matrices in LevelDB."""
