"""What was bought: load a shop, clean it, group it into baskets, cut it by time.

- :mod:`~bundlebook.shop.shop` — ``Shop``, the tables everything else takes; :mod:`~bundlebook.shop.schema` is their
  contract.
- :mod:`~bundlebook.shop.sources` — ``load_shop``: the real shop (:mod:`~bundlebook.shop.completejourney`), the sample,
  or a folder of the reader's files; ``propose_shop`` and ``write_shop`` make such a folder out of any export;
  ``read_increment`` reads one more file of events.
- :mod:`~bundlebook.shop.inventory` — ``capabilities``, what a shop's tables hold; ``check_losses``, what was lost.
- :mod:`~bundlebook.shop.pseudonyms` — ``pseudonym``, what a user is called on a page.
- :mod:`~bundlebook.shop.cleaning` — ``clean``, step by step, as a :mod:`~bundlebook.shop.policy` says;
  :mod:`~bundlebook.shop.imputation` learns limits and prices from the days already known.
- :mod:`~bundlebook.shop.baskets` — ``Baskets``: who bought what on which day, one sparse matrix in time order.
- :mod:`~bundlebook.shop.splits` — ``Split`` and ``Task``: training, validation and test, and which items count.
- :mod:`~bundlebook.shop.segments`, :mod:`~bundlebook.shop.campaigns` — groups of customers, and their coupons.
- :mod:`~bundlebook.shop.zhangsan` — the case of 张三, mapped onto a real shop by a fixed rule.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
