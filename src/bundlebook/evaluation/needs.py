"""What a recommender would need on a shop of some size, so that nothing is started that cannot end well.

Rough on purpose: an estimate has to tell one gigabyte from a hundred, and seconds from hours.
"""

from dataclasses import dataclass

from bundlebook.shop import Split


@dataclass(frozen=True)
class Size:
    """How large a shop is, as far as memory and time depend on it.

    Attributes
    ----------
    users, items : int
    pairs : int
        Different (user, item) pairs in the log.
    baskets : int
    """

    users: int
    items: int
    pairs: int
    baskets: int

    @classmethod
    def of(cls, split: Split) -> "Size":
        """Measure a split."""
        b = split.baskets
        return cls(b.n_users, b.n_items, b.user_item().nnz, b.n_baskets)


def sparse(size: Size) -> float:
    """The log in a few copies, and one block of scores."""
    return 100.0 * size.pairs + 5e8


def dense(size: Size) -> float:
    return 8.0 * size.users * size.items + sparse(size)


def items_squared(size: Size) -> float:
    return 32.0 * size.items**2 + sparse(size)


def all_neighbours(size: Size) -> float:
    return 2 * dense(size) + 8.0 * min(size.users, 20_000) * size.users


def similar_users(size: Size) -> float:
    """Similarities of a block of 512 users with all others, in three arrays."""
    return 24.0 * 512 * size.users + sparse(size)


def similar_items(size: Size) -> float:
    return 24.0 * 512 * size.items + sparse(size)


def user_pairs(size: Size) -> float:
    """Sparse products of all users with all others: a pair meets the users who bought the same item."""
    return 40.0 * size.pairs**2 / size.items


def item_pairs(size: Size) -> float:
    return 40.0 * size.pairs**2 / size.users


def panel(size: Size) -> float:
    return 13 * 4 * 3.0 * size.pairs + 13 * 4.0 * 16 * size.items * 40 + 1e9


def training(size: Size) -> float:
    """Six passes over 13 periods of every user, forward and back, all items through a layer of 64."""
    return 6 * 13 * 64 * 6.0 * size.users * size.items
