"""Lets pytest import the checkout as ``recaudit`` where it is not installed."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("recaudit") is None:
    sys.path.insert(0, str(Path(__file__).parent / ".alias"))
