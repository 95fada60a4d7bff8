"""The tests of the training run where the extra `train` is installed: `make test-training`."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if all(importlib.util.find_spec(name) for name in ("torch", "onnx", "cv2")) else ["test_*"]
