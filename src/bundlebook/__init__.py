"""Bundlebook: from raw purchases to personalised product bundles, one chapter at a time."""

from importlib.metadata import version

__version__ = version("bundlebook")
