"""Parts of a route's path that several functions take."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

Sku = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
NodeId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
ChannelId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,128}$")]
