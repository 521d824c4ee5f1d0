"""A shop small enough to do by hand: four users, five items, eight baskets."""

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.shop import Baskets

_BASKETS = {
    "Ann": ("tea milk", "tea"),
    "Bob": ("tea milk bread", "milk"),
    "Cem": ("milk bread nappies", "bread"),
    "Dee": ("nappies toy", "nappies"),
}
_ITEMS = ("bread", "milk", "nappies", "tea", "toy")
#: The day after the last basket.
TODAY = np.datetime64("2021-01-18")


def four_users() -> Baskets:
    """Two weekly baskets of each user, the last one week before :data:`TODAY`.

    >>> pd.DataFrame(four_users().user_item().toarray(), list(_BASKETS), _ITEMS).astype(int)
         bread  milk  nappies  tea  toy
    Ann      0     1        0    2    0
    Bob      1     2        0    1    0
    Cem      2     1        1    0    0
    Dee      0     0        2    0    1
    """
    rows = [[float(item in basket.split()) for item in _ITEMS] for pair in _BASKETS.values() for basket in pair]
    user = np.repeat(np.arange(len(_BASKETS)), 2)
    day = TODAY - np.tile([14, 7], len(_BASKETS))
    return Baskets(sparse.csr_matrix(rows, dtype=np.float32), user, day, np.array(list(_BASKETS)), np.array(_ITEMS))


def five_vectors() -> pd.DataFrame:
    """Two blocks of attributes of the five items: what kind a thing is, and how dear.

    >>> five_vectors().loc["tea"].tolist()
    [1.0, 0.0, 0.5, 0.5]
    """
    values = [[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0.5, 0.5], [0, 1, 0.5, 0.5]]
    columns = ["kind: food", "kind: baby", "price: low", "price: high"]
    return pd.DataFrame(values, index=pd.Index(_ITEMS, name="item"), columns=columns, dtype=float)
