"""What every body of the API is made of: one that is sent to us, and one that we show."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """Closed: a member that we do not know is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class View(BaseModel):
    """What is answered. Its validator is made at its first use: a function has to do with few of
    them, and making one takes milliseconds."""

    model_config = ConfigDict(defer_build=True)
