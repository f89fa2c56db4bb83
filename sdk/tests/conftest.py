"""The tests of the core share the naive evaluator, which lives beside the vectors that are made with it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))
