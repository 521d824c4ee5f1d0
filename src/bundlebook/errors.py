"""The one exception a reader is meant to see."""


class BundlebookError(ValueError):
    """Something a reader can mend: the message says what is wrong, where, and what to do.

    Parameters
    ----------
    problem : str
        What is wrong, with the offending value.
    where : str, optional
        File, row or argument that holds it.
    remedy : str, optional
        What the reader can do about it.
    """

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}\n  Remedy: {remedy}" if remedy else message)
