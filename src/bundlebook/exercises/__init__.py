"""Exercises that check themselves: ``check("04.1", answer)``, ``hint("04.1")``, ``progress()``.

A check calls the student's function with random inputs and compares it with the reference. It knows the usual wrong
answers by name and says what to look at next, never the answer. It depends on nothing but the function: not on a
cell's metadata, not on the notebook, not on the network.

Modules:

- ``engine`` holds :class:`Exercise`, :class:`Verdict`, :func:`check` and :func:`hint`.
- ``_comparing`` says in plain words how an answer differs from the right one: its kind, its shape, its values.
- ``_running`` calls a student's function so that it can neither hang the kernel nor change anything unseen.
- ``records`` keeps what the checks found in the student's folder: :func:`progress`.
- ``learning`` is the command ``bundlebook learn``: a folder of one's own; ``grading`` runs a class's notebooks.
- ``_chapter_01``, ``_chapter_02`` and so on hold what is particular to a chapter: its tuple ``EXERCISES``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
