"""Figures, one module per subject. The doors of other rooms list functions; this one lists modules.

* ``agents``: learning curves, the return by the number of items, when learning pays, estimators
* ``association``: rules, networks of pairs, the null model, lifts held out and over time, departments
* ``attention``: what is read in one basket, what goes with an item or replaces it
* ``bundles``: demand curves, the Pareto front, the card of a bundle, exposures
* ``cleaning``: clocks, quantities, weeks and the parts of a split, filled gaps
* ``evaluation``: the protocol, dots with intervals, calibration, growing histories, accuracy against cost
* ``feedback``: regimes over the weeks, regret, alarms, a simulated loop of exposure
* ``graphs``: what smoothing keeps, kinds of negatives, depth, quality against processor seconds
* ``networks``: drawings of the recurrent cells, of the gradient through time, of the whole recommender
* ``profiles``: portraits, source weights
* ``reports``: segments, uplift beside its need, campaigns
* ``shop``: users, items, times, prices, sizes
* ``training``: the derivation's losses and gradients, histories as periods, curves, searches
* ``trust``: unicity, the cost of noise, reasons that hold
* ``zhangsan``: the case of 张三, and the panel in which his history can be edited

The one look, and how every figure function takes its axes, stands in ``_style``; the names of it that others need are
:func:`use_style`, :data:`PALETTE`, :data:`CJK_FONT`, :func:`plain`, :func:`short` and :func:`log_ticks`.

A chapter imports the module it draws with: ``from bundlebook.plots import association as plots``. Every figure function
takes ``ax`` (or ``axes``, one for each panel) and then returns it; without, it makes a figure and returns None.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
