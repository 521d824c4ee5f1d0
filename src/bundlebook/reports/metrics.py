"""The headline figures of a report: what ``bundlebook.notebook.record`` left in its outputs."""

from typing import Any, TypedDict

import nbformat


class Metric(TypedDict):
    """One headline figure."""

    name: str
    value: float | int | str | bool
    unit: str


def collect(notebook: nbformat.NotebookNode) -> list[Metric]:
    """The headline figures of an executed notebook, in order; a name recorded twice keeps its last value."""
    from bundlebook.notebook import METRIC_MIME  # imports pandas, which nothing before the first kernel needs

    found: dict[str, Metric] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            metric = output.get("data", {}).get(METRIC_MIME)
            if isinstance(metric, dict) and "name" in metric and "value" in metric:
                found[metric["name"]] = Metric(name=metric["name"], value=metric["value"], unit=metric.get("unit", ""))
    return list(found.values())


def shown(value: Any) -> str:
    """A value as a reader sees it: thousands separated, four significant digits.

    Examples
    --------
    >>> shown(140123), shown(0.123456), shown(12345.678), shown(True), shown("GRU")
    ('140,123', '0.1235', '12,346', 'yes', 'GRU')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def seconds(duration: float | None) -> str:
    """A duration as a reader sees it.

    Examples
    --------
    >>> seconds(0.42), seconds(59.6), seconds(61), seconds(3723), seconds(None)
    ('0.4 s', '1 min 0 s', '1 min 1 s', '1 h 2 min', '')
    """
    if duration is None:
        return ""
    if duration < 9.95:
        return f"{duration:.1f} s"
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
