"""Our own miner: Eclat over projected bitsets, compiled by numba.

Eclat (Zaki, 2000) keeps for every itemset the set of baskets that hold it and intersects. Three choices make it fast
and small here:

* Pairs are counted from the rows: for each item *r*, rarest first, the baskets of *r* are walked once and everything
  behind *r* in them is counted (as LCM does, Uno et al. 2004). That costs half the sum of squared basket sizes.
* Only items frequent together with *r* get a bitset, over the baskets of *r* alone, so an intersection touches
  ``support(r) / 64`` words instead of ``n_baskets / 64``.
* The search keeps an explicit stack in one growing arena; nothing is allocated per itemset. The result is a tree of
  (parent, item, count), 14 bytes an itemset.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from scipy import sparse


@intrinsic
def _popcount(typingctx, word):
    """Number of set bits: one machine instruction, which Python has no name for."""

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@njit(cache=True)
def _grown(array, needed):
    bigger = np.empty(max(needed, 2 * len(array)), dtype=array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True)
def _search(row_start, row_item, col_start, col_row, min_count, max_len, cap):
    """Walk the tree of frequent itemsets; items are numbered by ascending count, rows sorted.

    Returns the tree as (parent, item, count, length) and whether more than *cap* itemsets were found.
    """
    n_rows, n_items = len(row_start) - 1, len(col_start) - 1
    parent = np.empty(1024, dtype=np.int32)
    item = np.empty(1024, dtype=np.int32)
    count = np.empty(1024, dtype=np.int32)
    length = np.empty(1024, dtype=np.int16)
    found = 0

    head = row_start[:n_rows].copy()  # where the items behind the current root begin, in every row
    seen = np.zeros(n_items, dtype=np.int32)
    touched = np.empty(n_items, dtype=np.int32)
    local = np.full(n_items, -1, dtype=np.int32)

    arena = np.empty(4096, dtype=np.uint64)  # bitsets of all open classes, one after the other
    member = np.empty(256, dtype=np.int32)  # their items, and how many baskets hold prefix and item
    member_count = np.empty(256, dtype=np.int32)
    first = np.empty(64, dtype=np.int64)  # per depth: first member, number of members, next one, prefix node
    size = np.empty(64, dtype=np.int64)
    cursor = np.empty(64, dtype=np.int64)
    prefix = np.empty(64, dtype=np.int32)

    for root in range(n_items):
        if found + n_items + 1 > len(parent):
            needed = found + n_items + 1
            parent, item = _grown(parent, needed), _grown(item, needed)
            count, length = _grown(count, needed), _grown(length, needed)
        if found >= cap:
            return parent[:found], item[:found], count[:found], length[:found], True
        begin, end = col_start[root], col_start[root + 1]
        top = found
        parent[top], item[top], count[top], length[top] = -1, root, end - begin, 1
        found += 1

        n_touched = 0
        for at in range(begin, end):
            row = col_row[at]
            head[row] += 1  # the row's items are sorted, so this one was the root
            if max_len > 1:
                for place in range(head[row], row_start[row + 1]):
                    other = row_item[place]
                    if seen[other] == 0:
                        touched[n_touched] = other
                        n_touched += 1
                    seen[other] += 1
        n_members = 0
        if n_touched > len(member):
            member, member_count = _grown(member, n_touched), _grown(member_count, n_touched)
        for number in range(n_touched):
            other = touched[number]
            if seen[other] >= min_count:
                member[n_members] = other
                n_members += 1
        chosen = np.sort(member[:n_members])  # the order of discovery depends on row order; this one does not
        for number in range(n_members):
            member[number] = chosen[number]
            member_count[number] = seen[chosen[number]]
        for number in range(n_touched):
            seen[touched[number]] = 0
        if n_members < 2 or max_len == 2:
            for number in range(n_members):
                parent[found], item[found] = top, member[number]
                count[found], length[found] = member_count[number], 2
                found += 1
            continue

        words = (end - begin + 63) >> 6
        if n_members * words > len(arena):
            arena = _grown(arena, n_members * words)
        arena[: n_members * words] = 0
        for number in range(n_members):
            local[member[number]] = number
        for at in range(begin, end):
            row = col_row[at]
            word, bit = (at - begin) >> 6, np.uint64(1) << np.uint64((at - begin) & 63)
            for place in range(head[row], row_start[row + 1]):
                place_of = local[row_item[place]]
                if place_of >= 0:
                    arena[place_of * words + word] |= bit
        for number in range(n_members):
            local[member[number]] = -1

        depth = 0
        first[0], size[0], cursor[0], prefix[0] = 0, n_members, 0, top
        while depth >= 0:
            at = cursor[depth]
            if at == size[depth]:
                depth -= 1
                continue
            cursor[depth] = at + 1
            if found == len(parent):
                needed = found + 1
                parent, item = _grown(parent, needed), _grown(item, needed)
                count, length = _grown(count, needed), _grown(length, needed)
            if found >= cap:
                return parent[:found], item[:found], count[:found], length[:found], True
            node, me = found, first[depth] + at
            parent[node], item[node] = prefix[depth], member[me]
            count[node], length[node] = member_count[me], depth + 2
            found += 1
            left = size[depth] - at - 1
            if left == 0 or depth + 2 >= max_len:
                continue
            base = first[depth] + size[depth]
            if base + left > len(member):
                member, member_count = _grown(member, base + left), _grown(member_count, base + left)
            if (base + left) * words > len(arena):
                arena = _grown(arena, (base + left) * words)
            kept = 0
            mine = arena[me * words : (me + 1) * words]
            for other in range(me + 1, base):
                theirs = arena[other * words : (other + 1) * words]
                both = arena[(base + kept) * words : (base + kept + 1) * words]
                bits = np.uint64(0)
                for word in range(words):
                    common = mine[word] & theirs[word]
                    both[word] = common
                    bits += _popcount(common)
                if bits >= np.uint64(min_count):
                    member[base + kept] = member[other]
                    member_count[base + kept] = bits
                    kept += 1
            if kept:
                depth += 1
                if depth == len(first):
                    first, size = _grown(first, depth + 1), _grown(size, depth + 1)
                    cursor, prefix = _grown(cursor, depth + 1), _grown(prefix, depth + 1)
                first[depth], size[depth], cursor[depth], prefix[depth] = base, kept, 0, node
    return parent[:found], item[:found], count[:found], length[:found], False


class Ranked(NamedTuple):
    """Frequent items numbered by ascending count, in rows and in columns: what the compiled functions walk.

    Attributes
    ----------
    row_start, row_item : ndarray of int64 and int32
        CSR: the ranks in each basket, ascending.
    col_start, col_row : ndarray of int64 and int32
        CSC: the baskets that hold each rank, ascending.
    order : ndarray of int32
        Column of the original matrix behind each rank.
    """

    row_start: np.ndarray
    row_item: np.ndarray
    col_start: np.ndarray
    col_row: np.ndarray
    order: np.ndarray


def rank(matrix: sparse.csr_matrix, min_count: int) -> Ranked:
    """Drop the items of fewer than *min_count* baskets and number the others from rare to frequent."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] >= min_count].astype(np.int32)
    columns = matrix.tocsc()[:, order]
    rows = columns.tocsr()  # going through the columns leaves every row sorted by rank
    return Ranked(
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32, copy=False),
        columns.indptr.astype(np.int64),
        columns.indices.astype(np.int32, copy=False),
        order,
    )


def mine(ranked: Ranked, min_count: int, max_len: int, cap: int) -> tuple[list, bool]:
    """Find every itemset held by at least *min_count* baskets.

    Parameters
    ----------
    ranked : Ranked
        Made with the same *min_count*.
    min_count : int
        At least 1.
    max_len : int
        Longest itemset looked for.
    cap : int
        Give up beyond this many itemsets.

    Returns
    -------
    (list of (ids, counts), bool)
        Entry k − 1 holds the itemsets of length k: `ids` of shape (n_k, k), ascending within a row, int32, and
        `counts` of shape (n_k,), int64. The flag says that *cap* was hit and the list is incomplete.
    """
    *tree, overflow = _search(*ranked[:4], min_count, max_len, cap)
    return _by_length(*tree, ranked.order), overflow


def _by_length(parent, item, count, length, order) -> list:
    """Read the tree's paths, one table a length."""
    tables = []
    for k in range(1, int(length.max(initial=0)) + 1):
        node = np.flatnonzero(length == k)
        ids = np.empty((len(node), k), dtype=np.int32)
        counts = count[node].astype(np.int64)
        for column in range(k):
            ids[:, column] = order[item[node]]
            node = parent[node]
        ids.sort(axis=1)
        tables.append((ids, counts))
    return tables
