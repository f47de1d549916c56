"""Families of series, as a sink counts in them."""

from __future__ import annotations

from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

_T = TypeVar("_T", Counter, Gauge, Histogram)


class Family(Generic[_T]):
    """A family of series; the children are kept here, for looking one up in the library takes three times as long."""

    __slots__ = ("_children", "_metric")

    def __init__(self, metric: _T) -> None:
        """Start without a series."""
        self._metric: _T = metric
        self._children: dict[tuple[str, ...], _T] = {}

    def __call__(self, *labels: str) -> _T:
        """Return the series of these labels, which exists from now on."""
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child
