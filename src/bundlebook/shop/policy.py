"""What a shop says about itself: how it is cleaned (``Shop.policy``), what its margins are like (``Shop.margins``)."""

from dataclasses import dataclass, field

from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Exclusion:
    """Items that are in the catalogue but are not merchandise that a bundle could hold.

    Attributes
    ----------
    step : str
        Name of the step in the audit.
    items : tuple of (str, tuple of str)
        Pairs of a catalogue column and values; an item is excluded if any pair matches it. A column that the
        catalogue does not have excludes nothing.
    reason : str
        Why, for the audit.
    """

    step: str
    items: tuple[tuple[str, tuple[str, ...]], ...]
    reason: str


@dataclass(frozen=True)
class CleaningPolicy:
    """What to do at each step of :func:`bundlebook.shop.clean`; the defaults suit a shop nobody knows yet.

    Attributes
    ----------
    local_time : bool
        Bring times to the shop's own clock.
    unknown_items : {"drop", "keep"}
        Events whose item is not in the catalogue.
    zero_quantity : {"drop", "keep"}
        Purchases of no unit, or of fewer (goods brought back).
    zero_price : {"drop", "keep"}
        Purchases for nothing. A price that is missing is unknown, not zero.
    missing_quantity : {"one", "drop"}
        Purchases that do not say how many: a purchase is of one unit at least.
    missing_price : {"catalogue", "drop", "keep"}
        Purchases that do not say what was paid: the line's shelf price or else the catalogue's stands in where
        there is one.
    exclusions : tuple of Exclusion
        Items that are not merchandise. Empty by default: only someone who knows the catalogue can say.
    max_quantity : float or None
        Units in one line above which a quantity is not believed; None believes all.
        :func:`bundlebook.shop.quantity_limit` learns one from the training weeks.
    implausible : {"cap", "drop"}
        What to do with a line above `max_quantity`.
    duplicates : {"drop", "merge", "keep"}
        ``"drop"`` removes lines that equal an earlier one in every column (an event sent twice); ``"merge"``
        makes one line of those with the same user, item, time, event and basket (one item scanned twice).
    """

    local_time: bool = True
    unknown_items: str = "drop"
    zero_quantity: str = "drop"
    zero_price: str = "drop"
    missing_quantity: str = "one"
    missing_price: str = "catalogue"
    exclusions: tuple[Exclusion, ...] = ()
    max_quantity: float | None = None
    implausible: str = "cap"
    duplicates: str = "drop"

    def __post_init__(self) -> None:
        choices = {
            "unknown_items": ("drop", "keep"),
            "zero_quantity": ("drop", "keep"),
            "zero_price": ("drop", "keep"),
            "missing_quantity": ("one", "drop"),
            "missing_price": ("catalogue", "drop", "keep"),
            "implausible": ("cap", "drop"),
            "duplicates": ("drop", "merge", "keep"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise BundlebookError(
                    f"{name}={getattr(self, name)!r}", where="CleaningPolicy", remedy=f"use one of {list(allowed)}"
                )
        if self.max_quantity is not None and not self.max_quantity > 0:
            raise BundlebookError(
                f"max_quantity={self.max_quantity!r}", where="CleaningPolicy", remedy="use a number of units above 0"
            )


@dataclass(frozen=True)
class MarginPolicy:
    """How the margin of a shop differs between its items, where its catalogue tells no cost; by default it does not.

    Attributes
    ----------
    own_brands : tuple of str
        Values of the catalogue's column ``brand`` that are the shop's own. None by default: a catalogue does not say
        which of its brands that is.
    own_brand : float
        Points of margin that the own brands earn above the others, in (-1, 1); 0.08 is eight per cent of the price.
    departments : dict of str to float
        Points of margin above or below the mean by value of the column ``department``, in (-1, 1); 0 for any other.
    """

    own_brands: tuple[str, ...] = ()
    own_brand: float = 0.0
    departments: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, points in {"own_brand": self.own_brand, **self.departments}.items():
            if not -1 < points < 1:
                raise BundlebookError(
                    f"{name}: {points!r}", where="margins", remedy="use a share of the price, such as 0.05"
                )
