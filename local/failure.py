"""What went wrong with the local stack, in one line that a person can act on."""

from pathlib import Path


class LocalFailure(Exception):
    """A step of the local stack failed; the text says which one, why, and where its log is."""

    def __init__(self, what: str, log: Path | None = None) -> None:
        super().__init__(f"{what} (log: {log})" if log else what)
