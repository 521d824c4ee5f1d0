r"""A set Transformer (集合 Transformer): what is missing in a basket, from its other items and from the user's past.

A basket is a set, so no item has a place in it; the order of the baskets is real, so every *basket* has one. Two blocks
of one kind read them: one reads the past baskets, each from those before it (a causal mask), and one reads the cart (a
mask of what is there). In training some items of a basket are hidden, as BERT hides words, and the loss asks for them
over the whole vocabulary. Where the user bought the same items *earlier* stays visible: repeats are most of what there
is to find.

>>> from bundlebook.recommenders import TransformerCompleter, fit_cached
>>> model = fit_cached(TransformerCompleter(seed=2021), task.visible, task.at)      # doctest: +SKIP
>>> model.completions(carts, histories, rows, task.at)   # ln q, (n_carts, n_items)  # doctest: +SKIP
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import require
from bundlebook.recommenders.linear import EASE
from bundlebook.recommenders.networks._baskets import N_FEATURES, TREND_WEEKS, BasketSteps
from bundlebook.recommenders.networks.backend import import_keras
from bundlebook.recommenders.networks.base import NetworkRecommender, NetworkSettings, _Reader, _xla
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Items a cart may hold when it is completed.
MOST_ITEMS = 256
#: Column of the features that holds the logarithm of a share with a half-life of 45 days.
_HABIT = 3


@dataclass(frozen=True)
class TransformerSettings(NetworkSettings):
    """Settings of :class:`NetworkSettings`, and eight more.

    Attributes
    ----------
    heads : int
        Heads of each attention; they share `width` among them.
    blocks : int
        Blocks that read the cart; in the last one only the missing item asks.
    repeat : int
        Width of the repeat-aware head; 0 leaves it out.
    steps : int
        Latest baskets of a user that are read one by one and asked about.
    most : int
        Items of a basket that are shown at most in training; the others are hidden, too.
    history : bool
        Whether the user's past takes part; without it the cart is all that is known.
    links : float
        λ of EASE, in baskets, whose score of the cart enters the logits; 0 leaves it out.
    attend : bool
        Whether attention takes part; without it what stays is a learned sum of EASE and habits.
    """

    epochs: int = 3
    rate: float = 2e-3
    thinning: float = 0.1
    heads: int = 4
    blocks: int = 1
    repeat: int = 16
    steps: int = 24
    most: int = 24
    history: bool = True
    links: float = 400.0
    attend: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require("be a whole number from 1 on", heads=self.heads, blocks=self.blocks, steps=self.steps, most=self.most)
        require("not be negative", repeat=self.repeat, links=self.links)
        if self.width % self.heads:
            raise BundlebookError(
                f"a width of {self.width} cannot be shared by {self.heads} heads",
                where="recommender",
                remedy="use a multiple of heads as width",
            )


@dataclass(frozen=True)
class CartSteps(BasketSteps):
    """Steps of :class:`BasketSteps`, each with a later basket of the user of which some items are hidden.

    Attributes
    ----------
    settings : TransformerSettings
    links : tuple of ndarray, shape (n_items, n_items)
        EASE's weights for users of even and of odd numbers, each fitted on the baskets of the others, so that a score
        in training knows the basket as little as a score for a new one does.
    target : ndarray of int64, shape (n_baskets,)
        Basket that is asked about after each basket.
    shown : ndarray of float32, shape (nnz,)
        1 where an item of a basket is shown, 0 where it is hidden.
    """

    settings: TransformerSettings = field(default_factory=TransformerSettings)
    links: tuple[np.ndarray, ...] = ()
    target: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    shown: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def history(self) -> bool:
        return self.settings.history

    def drawn(self, share: float, rng: np.random.Generator) -> Self:
        """Draw the day asked about, a basket of the four weeks from then on, and what of every basket is hidden.

        Every other basket has one item hidden; the others a uniform share, which may be all of it.
        """
        steps = super().drawn(share, rng)
        lines, n = self.visible.quantities, len(self._day)
        row, size = np.arange(n), np.diff(lines.indptr)
        order = self.visible.user.astype(np.int64) * 10**6  # days since 1970 have five digits
        last = np.searchsorted(order + self._day, order + steps.asked + PERIOD_DAYS) - 1
        ahead = np.maximum(last - row, 1)
        target = np.minimum(row + 1 + (rng.random(n) * ahead).astype(np.int64), n - 1)
        hide = np.where(rng.random(n) < 0.5, 1, np.ceil(rng.random(n) * size)).astype(np.int64)
        hide = np.maximum(hide, size - self.settings.most)
        basket = np.repeat(row, size)
        shuffled = np.lexsort((rng.random(lines.nnz), basket))
        rank = np.empty(lines.nnz, dtype=np.int64)
        rank[shuffled] = np.arange(lines.nnz) - np.repeat(lines.indptr[:-1], size)
        return replace(steps, target=target, shown=(rank >= hide[basket]).astype(np.float32))

    def log_share(self) -> np.ndarray:
        """Logarithm of the share of baskets that held each item, shape (n_items,), float32."""
        held = np.bincount(self.visible.quantities.indices, minlength=self.n_items)
        return np.log((held + 0.5) / (self.visible.n_baskets + 1)).astype(np.float32)

    @cached_property
    def _parts(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """What is shown and what is hidden of every basket, two matrices (n_baskets, n_items)."""
        lines = self.visible.quantities
        parts = []
        for data in (self.shown, 1 - self.shown):
            part = sparse.csr_matrix((data, lines.indices, lines.indptr), shape=lines.shape, copy=True)
            part.eliminate_zeros()
            parts.append(part)
        return parts[0], parts[1]

    def batch(self, users: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Return the inputs of some users, the hidden items (B, T, n_items), and weights (B, T); 0 for no step."""
        users = np.asarray(users)
        rows = self._rows(users)
        there = rows.ravel() >= 0
        of = self.target[rows.ravel()[there]]
        place = sparse.csr_matrix(
            (np.ones(there.sum(), np.float32), (np.flatnonzero(there), np.arange(there.sum()))),
            shape=(rows.size, int(there.sum())),
        )
        shown, hidden = (sparse.csr_matrix(place @ part[of]) for part in self._parts)
        link = np.zeros((rows.size, self.n_items), np.float32)
        fold = np.repeat(users % 2, rows.shape[1])
        for number, weights in enumerate(self.links):
            mine = np.flatnonzero(fold == number)
            link[mine] = shown[mine] @ weights
        inputs = self.of_carts(shown, link, rows.shape) | self.of_past(users)
        return inputs, hidden.toarray().reshape(*rows.shape, -1), (rows >= 0).astype(np.float32)

    def of_past(self, users: np.ndarray, answers: int | None = None) -> dict[str, np.ndarray]:
        """Return what a network reads of the past of some users; without histories only how old the question is."""
        if self.history:
            return self.inputs(users, answers)
        rows = self._rows(users)[:, -(answers or self.n_steps) :]
        ago = (self.at.astype(np.int64) - self.asked[rows]) // 7 if len(self._day) else np.zeros(rows.shape)
        return {"weeks_ago": np.where(rows >= 0, np.clip(ago, 0, TREND_WEEKS - 1), 0).astype(np.int32)}

    @staticmethod
    def of_carts(carts: sparse.csr_matrix, link: np.ndarray, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return what is read of carts (B·T, n_items): ``cart`` (B, T, C), −1 for no item, ``held``, ``link``."""
        size = np.diff(carts.indptr)
        wide = 8 * -(-max(int(size.max(initial=1)), 1) // 8)
        cart = np.full((len(size), wide), -1, np.int32)
        place = np.arange(carts.nnz) - np.repeat(carts.indptr[:-1], size)
        cart[np.repeat(np.arange(len(size)), size), place] = carts.indices
        held = carts.toarray().astype(np.float32)
        named = {"cart": cart, "held": held, "link": link.astype(np.float32)}
        return {name: value.reshape(*shape, -1) for name, value in named.items()}


class TransformerCompleter(NetworkRecommender):
    r"""A Transformer that says which item a basket lacks: q over all items that do not lie in it.

    .. math:: \ln q_{bi} = \boldsymbol\beta\cdot\mathbf{x}_{bi} + \mathbf{o}_i \cdot \mathbf{z}_b + g\,\text{trend}_i
              + b_i + r_{ui} + \text{const}

    z_b ∈ R^d is what the missing item's token reads of the cart and of the user's state after the last basket, r the
    repeat-aware head of :class:`NextBasketRecommender`, and x the five terms of :class:`BasketCompleter`, with EASE's
    weights learned beside and each user's fitted on the baskets of others.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`TransformerSettings` to set.

    Notes
    -----
    q is a share: it sums to 1 over the items and is no probability of a purchase. See :meth:`probability`.

    References
    ----------
    A. Vaswani et al.: Attention is all you need. 2017. J. Devlin et al.: BERT. 2019. R. Xiong et al.: On layer
    normalization in the Transformer architecture. 2020 (norms in front).
    """

    defaults: ClassVar[TransformerSettings] = TransformerSettings()
    scoring_batch: ClassVar[int] = 64
    settings: TransformerSettings

    def _own_name(self) -> str:
        return "Transformer" if self.settings.history else "Transformer, basket alone"

    def examples(self, visible: Baskets, at: np.datetime64) -> CartSteps:
        """Every basket before *at* that follows another of the same user, as far back as `steps`."""
        settings = self.settings
        steps = replace(CartSteps.before(visible, at, settings.steps), settings=settings)
        if not settings.links:
            return steps
        past, found = steps.visible, []
        for number in (0, 1):
            others = past.where(past.user % 2 != number)
            if not others.n_baskets:
                raise BundlebookError(
                    "one user alone has baskets", where="TransformerCompleter", remedy="use links=0, or a longer log"
                )
            part = settings.links * others.n_baskets / past.n_baskets
            found.append(EASE(part, rows="baskets").fit(others, at).weights_.astype(np.float32))
        return replace(steps, links=tuple(found))

    def drawn(self, examples: CartSteps, rng: np.random.Generator) -> CartSteps:
        """Draw the days and baskets asked about, what is hidden, and late starts."""
        return examples.drawn(self.settings.thinning, rng)

    def untrained(self, examples: CartSteps) -> Any:
        """Return the network as training starts it, with a loss over the whole vocabulary."""
        network = super().untrained(examples)
        from bundlebook.recommenders.networks import _attention

        # The optimizer that was built is kept, so nothing is traced twice.
        network.compile(network.optimizer, loss=_attention.HiddenItemsLoss(), jit_compile=_xla())
        return network

    def compose(self, examples: CartSteps, keras: Any, layers: Any) -> Any:
        """Return carts (B, T, C) and pasts (B, T, ·) → state (B, T, d) → the missing item's token → ln q (B, T, I)."""
        from bundlebook.recommenders.networks import _attention as attention

        n_items, settings = examples.n_items, self.settings
        x = {
            "cart": keras.Input((None, None), dtype="int32", name="cart"),
            "held": keras.Input((None, n_items), name="held"),
            "link": keras.Input((None, n_items), name="link"),
            "weeks_ago": keras.Input((None,), dtype="int32", name="weeks_ago"),
        }
        if settings.history:
            x |= {
                "units": keras.Input((None, n_items), name="units"),
                "facts": keras.Input((None, 4), name="facts"),
                "seen": keras.Input((None,), name="seen"),
                "wait": keras.Input((None,), name="wait"),
                "item": keras.Input((None,), dtype="int32", name="item"),
                "features": keras.Input((None, None, N_FEATURES), name="features"),
            }
        small = {"heads": settings.heads, "hidden": 2 * settings.width}
        made = {
            "terms": attention.KnownTerms(n_items, bool(settings.links), name="terms"),
            "product": layers.ItemLogits(n_items, TREND_WEEKS, 0.02, name="product"),
            "sum": keras.layers.Add(name="sum"),
            "free": attention.WithoutCart(name="free"),
            "zero": attention.NoLogits(name="zero"),
        }
        if settings.history:
            made |= {"habits": attention.Habits(_HABIT, name="habits"), "to_items": layers.AddToItems(name="to_items")}
            made |= {"waited": layers.Waited(name="waited")}
        if settings.history and settings.repeat:
            made |= {"repeat": layers.RepeatLogits(n_items, settings.repeat, name="repeat")}
        state = None
        if settings.attend:
            made |= {"table": attention.ItemTable(n_items, settings.width, name="table")}
            made |= {"tokens": attention.CartTokens(name="tokens"), "mask": attention.CartMask(name="mask")}
            for n in range(settings.blocks):
                last = n == settings.blocks - 1
                made[f"cart_{n}"] = attention.PreNormBlock(**small, first=last, name=f"cart_{n}")
            made |= {"first": attention.FirstToken(name="first")}
            made |= {"norm": keras.layers.LayerNormalization(name="norm")}
            if settings.history:
                visits = attention.BasketTokens(settings.width, settings.steps, name="visits")
                past = attention.PreNormBlock(**small, first=False, name="past")
                before = attention.CausalMask(name="causal")(x["seen"])  # (B, T, T)
                state = past(visits(x["units"], x["facts"], made["table"](x["held"])), before)  # (B, T, d)
        return keras.Model(x, self._logits(made.__getitem__, x, state), name="transformer")

    def _logits(self, layer: Any, x: dict[str, Any], state: Any) -> Any:
        """Join the layers that answer: ln q up to a constant, (B, T, I), from the inputs and the states (B, T, d)."""
        settings = self.settings
        none: Any = layer("zero")(x["held"]) if settings.history or not settings.attend else None  # (B, T, I)
        if settings.attend:
            waited = () if state is None else (layer("waited")(state, x["wait"]),)  # (B, T, d + 1)
            tokens = layer("tokens")(layer("table")(x["held"]), x["cart"], *waited)  # (B·T, 1 + C, d)
            mask = layer("mask")(x["cart"])  # (B·T, 1, 1 + C)
            for n in range(settings.blocks):
                tokens = layer(f"cart_{n}")(tokens, mask)  # (B·T, 1, d) after the last one
            z = layer("norm")(layer("first")(tokens, x["cart"]))  # (B, T, d)
        else:
            z = none[..., :1]  # (B, T, 1)
        terms: tuple[Any, ...] = (x["link"],)
        if settings.history:
            habits = layer("habits")(x["features"])  # (B, K, T)
            terms = (x["link"], layer("to_items")(none, habits, x["item"]))
        added = [layer("product")(z, x["weeks_ago"]), layer("terms")(*terms)]
        if settings.history and settings.repeat:
            correction = layer("repeat")(x["features"], x["item"], layer("waited")(z, x["wait"]))  # (B, K, T)
            added.append(layer("to_items")(none, correction, x["item"]))
        return layer("free")(layer("sum")(added), x["held"])

    def _last(self) -> tuple[dict[str, Any], Any]:
        """Inputs of the last step only, and the state after the last basket."""
        x = dict(self.network.input)
        for name in ("wait", "weeks_ago"):
            if name in x:
                x[name] = x[name][:, -1:]
        past = self.settings.history and self.settings.attend
        return x, self.network.get_layer("past").output[:, -1:] if past else None

    def answering(self) -> Any:
        """Return a network of the same layers that answers after the last basket only, (B, 1, I)."""
        return import_keras().Model(self.network.input, self._logits(self.network.get_layer, *self._last()))

    def settle(self, visible: Baskets, at: np.datetime64) -> None:
        """Keep EASE's weights of all baskets before the day of the fit: carts to come are nobody's in training."""
        if self.settings.links:
            weights = EASE(self.settings.links, rows="baskets").fit(visible.between(end=at), at).weights_
            self.network.get_layer("terms").weights_of_links.assign(weights.astype(np.float32))
            self.__dict__.pop("links", None)

    def reader(self, histories: Baskets, at: np.datetime64) -> tuple[np.ndarray, _Reader]:
        """Return the users in order, and what makes batches: carts are empty, which asks for the next basket."""
        steps = self._steps(histories, at)

        def read(users: np.ndarray) -> dict[str, np.ndarray]:
            empty = sparse.csr_matrix((len(users), histories.n_items), dtype=np.float32)
            return self._inputs(steps, empty, users)

        return np.argsort(steps.sizes, kind="stable"), read

    def _steps(self, histories: Baskets, at: np.datetime64) -> CartSteps:
        return replace(CartSteps.up_to(histories, at, self.settings.steps), settings=self.settings)

    def _inputs(self, steps: CartSteps, carts: sparse.csr_matrix, users: np.ndarray) -> dict[str, np.ndarray]:
        link = np.zeros(carts.shape, np.float32)
        if self.settings.links:
            link = np.asarray(carts @ self.links)
        return steps.of_carts(carts, link, (len(users), 1)) | steps.of_past(users, answers=1)

    @cached_property
    def links(self) -> np.ndarray:
        """EASE's weights of the fit, (n_items, n_items), float32."""
        return import_keras().ops.convert_to_numpy(self.network.get_layer("terms").weights_of_links)

    @property
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the items as they are read (e_i) and as they are asked for (o_i), two arrays (n_items, d)."""
        numpy, layer = import_keras().ops.convert_to_numpy, self.network.get_layer
        return numpy(layer("table").table), numpy(layer("product").table)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        r"""Return P(the next basket holds the item), :math:`1-(1-q)^s` for a basket of mean size s, float32.

        Not calibrated: it takes the items of a basket as drawn one by one.
        """
        size = float(import_keras().ops.convert_to_numpy(self.network.get_layer("terms").size))
        q = np.exp(log_softmax(super().scores(histories, at), axis=1))
        return -np.expm1(size * np.log1p(-np.minimum(q, 1 - 1e-7)))

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P of :meth:`probability`, which is also the order; so scores of two users can be compared."""
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        return self.probability(histories, at)

    def carts_of(self, carts: list[list[str]]) -> sparse.csr_matrix:
        """Return carts that are given by the names of their items as a matrix (n_carts, n_items).

        Raises
        ------
        BundlebookError
            If an item is none of the fit's.
        """
        place = {item: number for number, item in enumerate(self.items.tolist())}
        rows, columns = [], []
        for row, cart in enumerate(carts):
            for item in cart:
                if item not in place:
                    raise BundlebookError(
                        f"cart {row} holds {item!r}, which the model has never seen",
                        where=self.name,
                        remedy=f"leave it out, or use one of the {len(place)} items of model.items",
                    )
                rows.append(row)
                columns.append(place[item])
        ones = np.ones(len(rows), np.float32)
        found = sparse.csr_matrix((ones, (rows, columns)), shape=(len(carts), len(place)))
        found.data[:] = 1  # an item that was named twice
        return found

    def completions(
        self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64
    ) -> np.ndarray:
        """Return ln q up to a constant in each row, for every item; −10⁹ and less for what lies in the cart.

        Parameters
        ----------
        carts : csr_matrix, shape (n_carts, n_items)
            1 where the item lies in the basket already; at most `MOST_ITEMS` per basket. An empty one asks for the
            first item of the next basket, which only a model with a history can answer.
        histories : Baskets
            What the users bought; nothing on or after *at* is looked at.
        rows : ndarray of int, shape (n_carts,)
            Row of ``histories.user_ids`` that each basket belongs to.
        at : datetime64[D]

        Returns
        -------
        ndarray, shape (n_carts, n_items), float32

        Raises
        ------
        BundlebookError
            If a cart is empty for a model without history or too large, or carts and rows do not fit.
        """
        carts, rows = self._checked(carts, histories, rows)
        if self._asked is None:
            self._asked = self.answering()
            self._asked.jit_compile = _xla()
        found = np.empty(carts.shape, dtype=np.float32)
        for part, inputs in self._in_batches(carts, histories, rows, at):
            found[part] = self._asked.predict_on_batch(inputs)[:, 0]
        return found

    def attention(
        self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64
    ) -> np.ndarray:
        """Return what the missing item's token reads of each item of the cart in the last block, mean over the heads.

        Parameters are those of :meth:`completions`.

        Returns
        -------
        ndarray, shape (n_carts, n_items), float32
            0 for what does not lie in the cart; what is missing to 1 in a row, the token reads of itself.
        """
        if not self.settings.attend:
            raise BundlebookError("the model attends to nothing", where=self.name, remedy="fit one with attend=True")
        carts, rows = self._checked(carts, histories, rows)
        layer, (x, state) = self.network.get_layer, self._last()
        waited = () if state is None else (layer("waited")(state, x["wait"]),)
        tokens, mask = layer("tokens")(layer("table")(x["held"]), x["cart"], *waited), layer("mask")(x["cart"])
        for n in range(self.settings.blocks - 1):
            tokens = layer(f"cart_{n}")(tokens, mask)
        _, weights = layer(f"cart_{self.settings.blocks - 1}").read(tokens, mask, weights=True)
        asked = import_keras().Model(self.network.input, weights)  # (B·1, heads, 1, 1 + C)
        found = np.zeros(carts.shape, dtype=np.float32)
        for part, inputs in self._in_batches(carts, histories, rows, at):
            seen, cart = asked.predict_on_batch(inputs)[:, :, 0, 1:].mean(axis=1), inputs["cart"][:, 0]
            row, place = np.nonzero(cart >= 0)
            found[part[row], cart[row, place]] = seen[row, place]
        return found

    def _in_batches(self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64) -> Any:
        steps = self._steps(histories, at)
        order = np.argsort(steps.sizes[rows], kind="stable")
        for low in range(0, len(order), self.scoring_batch):
            part = order[low : low + self.scoring_batch]
            yield part, self._inputs(steps, sparse.csr_matrix(carts[part]), rows[part])

    def _checked(self, carts: Any, histories: Baskets, rows: Any) -> tuple[sparse.csr_matrix, np.ndarray]:
        """Refuse carts and rows that do not fit the model or the histories."""
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        rows = np.asarray(rows)
        if not sparse.issparse(carts) or carts.dtype.kind not in "fiub" or not np.isin(carts.data, (0, 1)).all():
            raise BundlebookError(
                "carts must be a sparse matrix of 0 and 1",
                where=self.name,
                remedy="use model.carts_of(names), or incidence of Baskets",
            )
        if carts.shape[1] != len(self.items) or not np.array_equal(histories.items, self.items):
            raise BundlebookError(
                f"carts count {carts.shape[1]} items and histories {histories.n_items}, the model {len(self.items)}",
                where=self.name,
                remedy="bring both to the model's items with .over(model.items)",
            )
        if rows.dtype.kind not in "iu" or rows.shape != (carts.shape[0],):
            raise BundlebookError(
                f"{carts.shape[0]} carts and rows of shape {rows.shape}, {rows.dtype}",
                where=self.name,
                remedy="give one whole number per cart: its row in histories.user_ids",
            )
        if len(rows) and not 0 <= rows.min() <= rows.max() < histories.n_users:
            bad = int(np.flatnonzero((rows < 0) | (rows >= histories.n_users))[0])
            raise BundlebookError(
                f"cart {bad} belongs to row {rows[bad]}, the histories have {histories.n_users}", where=self.name
            )
        carts = sparse.csr_matrix(carts, dtype=np.float32)
        carts.eliminate_zeros()
        size = np.diff(carts.indptr)
        if not self.settings.history and not size.all():
            raise BundlebookError(
                f"cart {int(np.argmin(size))} is empty, and the model knows nothing but the cart",
                where=self.name,
                remedy="use a model with history=True, or put an item into it",
            )
        if size.max(initial=0) > MOST_ITEMS:
            raise BundlebookError(
                f"cart {int(np.argmax(size))} holds {size.max()} items, more than {MOST_ITEMS}",
                where=self.name,
                remedy="ask for a part of it",
            )
        return carts, rows

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        import_keras()
        from bundlebook.recommenders.networks import _attention  # noqa: F401  (registers the layers)

        return super().load(folder)
