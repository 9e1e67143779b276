"""What every body of the API is made of: one that is sent to us, and one that we show."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


Quantity = Annotated[
    Decimal,
    Field(description="A number with at most the item's decimals", examples=[2, 1.25]),
    PlainSerializer(_json_number, when_used="json"),
    WithJsonSchema({"type": "number", "examples": [2, 1.25]}),
]


class Document(BaseModel):
    """Closed: a member that we do not know is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_a_number(cls, data: Any) -> Any:
        """The resolver lets bodies be read from the attributes of any object. Of what JSON has only
        a number with decimals is one, and would be a document that says nothing."""
        if isinstance(data, Decimal):
            raise PydanticCustomError("model_attributes_type", "a document must be an object")
        return data


class View(BaseModel):
    """What is answered. Its validator is made at its first use: a function has to do with few of
    them, and making one takes milliseconds."""

    model_config = ConfigDict(defer_build=True)
