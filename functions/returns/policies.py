"""Return policies over HTTP."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.returns.desk import cause_of
from oms.aws import stores
from oms.aws.http import refusals
from oms.kernel.errors import NotFound
from oms.returns.policy_contract import (
    ReturnPolicyDocument,
    ReturnPolicyVersions,
    ReturnPolicyView,
    policy_view,
)
from oms.returns.putting import put_return_policy

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

ReturnPolicyId = Annotated[str, Path(pattern=r"^[\w.\-]{1,64}$")]


@router.put(
    "/v1/return-policies/<policy_id>",
    summary="Put a version of a return policy",
    description="The same content again is the same version. A return stays under the version that"
    " it was asked for under.",
    tags=["returns"],
    responses={
        200: {"description": "The version"},
        **refusals(400, 401, 403, 409, 415, 422, 503),
    },
)
def put_return_policy_version(
    policy_id: ReturnPolicyId, policy: Annotated[ReturnPolicyDocument, Body()]
) -> ReturnPolicyView:
    cause = cause_of(router)
    versions = stores.return_policies()
    return policy_view(put_return_policy(policy_id, policy, versions, stores.catalog(), cause))


@router.get(
    "/v1/return-policies/<policy_id>",
    summary="Read a return policy",
    description="The version that was put last, which holds; or another.",
    tags=["returns"],
    responses={200: {"description": "The policy"}, **refusals(401, 403, 404, 422)},
)
def read_return_policy(
    policy_id: ReturnPolicyId, version: Annotated[int, Query(ge=0)] = 0
) -> ReturnPolicyView:
    versions = stores.return_policies()
    found = versions.version(policy_id, version) if version else versions.latest(policy_id)
    if found is None:
        raise NotFound(f"there is no such return policy {policy_id}")
    return policy_view(found)


@router.get(
    "/v1/return-policies/<policy_id>/versions",
    summary="List the versions of a return policy",
    tags=["returns"],
    responses={200: {"description": "Newest first"}, **refusals(401, 403, 422)},
)
def list_return_policy_versions(
    policy_id: ReturnPolicyId,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> ReturnPolicyVersions:
    page = stores.return_policies().versions(policy_id, limit, cursor or None)
    return ReturnPolicyVersions(
        versions=[policy_view(one) for one in page.versions], next_cursor=page.cursor
    )
