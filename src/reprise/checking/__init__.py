"""Is this video new? One verdict a video: by the file's hash, by vectors of the whole video, then frame by frame."""
