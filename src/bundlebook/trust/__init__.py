"""May we, and why this? Privacy that is measured, and explanations that are tested.

=====================  ==================================================================================
``singling_out``       how many known purchases point to one user, and what a release hides
``differential``       noise for sums over users, and the ledger of the budget spent
``audit``              the stated privacy attacked: canaries, and what an attacker learns at least
``explanation``        the purchases without which an item would not be recommended, and the test of it
``cards``              models and data described by measurements, group by group
``encryption``         a folder in one encrypted file, and back
``access_log``         who read what, in a chain that shows every change
``about``              what is stored about one user, and why this user is shown what
=====================  ==================================================================================

Pseudonyms belong to the shop's own room: :func:`bundlebook.shop.pseudonym`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
