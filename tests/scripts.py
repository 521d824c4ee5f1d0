"""The scripts under ``benchmarks/`` as modules, so that what they compute can be tested."""

import importlib.util
from types import ModuleType

from bundlebook import paths


def benchmark_script(name: str) -> ModuleType:
    """Load ``benchmarks/<name>.py``."""
    spec = importlib.util.spec_from_file_location(name, paths.root() / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
