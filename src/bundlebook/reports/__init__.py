"""Batches of notebooks, run with papermill and rendered to pages that need no network.

:func:`report` is what ``bundlebook report`` does: it reads a batch file and checks it as a whole
(:func:`load_batch`), runs its jobs and renders them (:class:`BatchRun`). :func:`evaluate_shop` judges every
recommender on a shop and writes a table and a page.

Modules, in the order in which a batch meets them:

- ``_batch`` reads the batch file: jobs, their templates and parameters, every fault at once.
- ``_run`` reuses what is still true, runs the rest side by side and writes each result as it comes.
- ``_identity`` says what a report is made from, and so whether an earlier result is still true.
- ``_kernels`` runs one job in a kernel; ``_dask`` does so on a cluster (needs the extra ``dask``).
- ``_executed`` makes a notebook fit to be shown; ``_results`` writes what is kept, each file in one step.
- ``_pages`` with ``_markdown``, ``_maths`` and ``_drawings`` makes HTML, index and PDF.
- ``_progress`` is what a terminal shows, ``_leaderboard`` the page of :func:`evaluate_shop`, ``_uplift``
  the page of ``bundlebook measure``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
