"""Makes ``recaudit`` mean this checkout, installed or not, in the tests and in the programs they start."""

import importlib.util
import os
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

spec = importlib.util.find_spec("recaudit")
if spec is None or spec.origin is None or Path(spec.origin).resolve().parent != ROOT:
    alias = str(ROOT / ".alias")
    sys.path.insert(0, alias)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [alias, os.environ.get("PYTHONPATH", "")]))

# A busy machine is no fault of the code: no property fails for being slow.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
