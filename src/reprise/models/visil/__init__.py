"""ViSiL: region features of frames, and a network that reads the similarity of two videos off their frames' map."""
