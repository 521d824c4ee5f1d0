"""Profiles: what an item is, who a customer is, and how well the two match."""

from bundlebook.profiles.vectors import item_vectors

__all__ = ["item_vectors"]
