from .engine import (
    Exercise as Exercise,
    Hint as Hint,
    Verdict as Verdict,
    check as check,
    exercises_of as exercises_of,
    find_exercise as find_exercise,
    hint as hint,
)
from .grading import grade as grade
from .learning import copy_chapters as copy_chapters, learn_command as learn_command
from .records import progress as progress, reset_progress as reset_progress
