"""What can be wrong with a file, and how it is told."""

from typing import NamedTuple


class InvalidDocument(ValueError):
    """A test file cannot be used: ``path`` names the place (``variants[0].split_groups``), ``message`` the fault."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class Problem(NamedTuple):
    """Something a client reports once: ``where`` is a file of the folder, or a test's key, or ``manifest``."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"
