"""Which set of items should be offered, at what price, and why?

==============  ==============================================================================================
``generate``    candidates for one user: linked items, and the sets of two to five items that grow along links
``joint``       the joint probability of pairs and sets
``pricing``     prices from the purchases, an ASSUMED margin, the discount
``elasticity``  how customers answer price cuts and offers
``page``        what a page of bundles is worth, and how to choose it
``bundle``      a bundle with its price, expected value and reasons
``reasons``     sentences for the customer, numbers for the analyst
``recommend``   everything above fitted once, and the one call behind a page
==============  ==============================================================================================
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
