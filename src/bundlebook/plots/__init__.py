"""Figures longer than ten lines, one module a room; every function draws on an Axes it is given or makes."""
