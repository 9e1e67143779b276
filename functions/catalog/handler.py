"""Items, nodes, carrier services and channels over HTTP."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from oms.aws import stores
from oms.aws.http import caller, refusals, resolver, serve
from oms.aws.paths import ChannelId, NodeId, Sku
from oms.aws.secrets import Secrets
from oms.catalog.contract import (
    ChannelDocument,
    ChannelView,
    ItemDocument,
    ItemView,
    NodeDocument,
    NodeList,
    NodeLoadView,
    NodeView,
    SwitchDocument,
    channel_of,
    channel_view,
    item_view,
    named_by,
    node_of,
    node_view,
    switched_off_of,
)
from oms.catalog.delivery_contract import (
    CarrierServiceDocument,
    CarrierServiceList,
    CarrierServiceView,
    service_of,
    service_view,
)
from oms.catalog.items import store_item
from oms.catalog.model import Item, Node
from oms.fulfillment.staff import check_node
from oms.fulfillment.staff_contract import StaffDocument, StaffView, staff_of, staff_view
from oms.kernel.clock import utc_now
from oms.kernel.errors import Invalid, NotFound
from oms.kernel.events import Cause
from oms.notifications.post import check_callback_url
from oms.notifications.signing import channel_secret, supplier_name
from oms.routing.capacity import capacity_left, day_of, is_limited
from oms.routing.contract import (
    SourcingPolicyDocument,
    SourcingPolicyList,
    SourcingPolicyVersions,
    SourcingPolicyView,
    policy_view,
)
from oms.routing.policies import effective
from oms.routing.policy import SourcingPolicy
from oms.routing.putting import put_policy

app = resolver()
secrets = Secrets()
PLAIN_CALLBACKS = os.environ.get("ALLOW_PLAIN_CALLBACKS") == "1"

PolicyId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
ServiceId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
Caller = Annotated[
    str, Path(pattern=r"^[\w.:@+\-]{1,128}$", description="Whom the token is issued to")
]
_WRITTEN = {200: {"description": "As it is stored now"}, **refusals(400, 401, 403, 415, 422)}
_READ = {200: {"description": "As it is stored"}, **refusals(401, 403, 404, 422)}


@app.put(
    "/v1/items/<sku>",
    summary="Create or change an item",
    tags=["catalog"],
    responses={**_WRITTEN, **refusals(409, 503)},
)
def put_item(sku: Sku, item: Annotated[ItemDocument, Body()]) -> ItemView:
    return _shown(store_item(sku, item, stores.catalog_store(), stores.stock()))


@app.get("/v1/items/<sku>", summary="Read an item", tags=["catalog"], responses=_READ)
def get_item(sku: Sku) -> ItemView:
    found = stores.catalog_store().items({sku}).get(sku)
    if found is None:
        raise NotFound(f"there is no item {sku}")
    return _shown(found)


@app.put(
    "/v1/nodes/<node_id>", summary="Create or change a node", tags=["catalog"], responses=_WRITTEN
)
def put_node(node_id: NodeId, node: Annotated[NodeDocument, Body()]) -> NodeView:
    if node.callback_url:
        check_callback_url(node.callback_url, plain=PLAIN_CALLBACKS)
    stored = node_of(node_id, node)
    stores.catalog_store().put_node(stored)
    return _with_secret(stores.catalog_store().node(node_id) or stored)


@app.get("/v1/nodes/<node_id>", summary="Read a node", tags=["catalog"], responses=_READ)
def get_node(node_id: NodeId) -> NodeView:
    found = stores.catalog_store().node(node_id)
    if found is None:
        raise NotFound(f"there is no node {node_id}")
    return _with_secret(found, _load(found))


@app.get(
    "/v1/nodes",
    summary="List the nodes",
    tags=["catalog"],
    responses={200: {"description": "All of them"}, **refusals(401, 403)},
)
def list_nodes() -> NodeList:
    return NodeList(nodes=[node_view(node) for node in stores.catalog_store().nodes()])


@app.post(
    "/v1/nodes/<node_id>/switch",
    summary="Switch a node off, or on again",
    description="Off, it is given no work; it comes back by itself at `until`, if there is one. It"
    " takes up to half a minute to be known everywhere.",
    tags=["catalog"],
    responses={**_WRITTEN, **refusals(404)},
)
def switch_node(node_id: NodeId, switch: Annotated[SwitchDocument, Body()]) -> NodeView:
    check_node(caller(app), node_id, stores.staff())
    off = switched_off_of(switch, utc_now())
    found = stores.catalog_store().node(node_id)
    if found is None:
        raise NotFound(f"there is no node {node_id}")
    stores.catalog_store().switch(node_id, off)
    return node_view(replace(found, switched_off=off))


@app.put(
    "/v1/carrier-services/<service_id>",
    summary="Create or change a carrier service",
    tags=["catalog"],
    responses=_WRITTEN,
)
def put_carrier_service(
    service_id: ServiceId, service: Annotated[CarrierServiceDocument, Body()]
) -> CarrierServiceView:
    stored = service_of(service_id, service)
    stores.catalog_store().put_carrier_service(stored)
    return service_view(stored)


@app.get(
    "/v1/carrier-services/<service_id>",
    summary="Read a carrier service",
    tags=["catalog"],
    responses=_READ,
)
def get_carrier_service(service_id: ServiceId) -> CarrierServiceView:
    found = stores.catalog_store().carrier_service(service_id)
    if found is None:
        raise NotFound(f"there is no carrier service {service_id}")
    return service_view(found)


@app.get(
    "/v1/carrier-services",
    summary="List the carrier services",
    tags=["catalog"],
    responses={200: {"description": "All of them"}, **refusals(401, 403)},
)
def list_carrier_services() -> CarrierServiceList:
    found = stores.catalog_store().carrier_services()
    return CarrierServiceList(carrier_services=[service_view(service) for service in found])


@app.put(
    "/v1/channels/<channel_id>",
    summary="Create or change a channel",
    tags=["catalog"],
    responses=_WRITTEN,
)
def put_channel(channel_id: ChannelId, channel: Annotated[ChannelDocument, Body()]) -> ChannelView:
    if channel.callback_url:
        check_callback_url(channel.callback_url, plain=PLAIN_CALLBACKS)
    elif channel.availability:
        raise Invalid("there is no address to tell it at", code="callback_url_needed")
    stored = channel_of(channel_id, channel)
    stores.catalog_store().put_channel(stored)
    return channel_view(stored, _signing_secret(channel_id))


@app.get("/v1/channels/<channel_id>", summary="Read a channel", tags=["catalog"], responses=_READ)
def get_channel(channel_id: ChannelId) -> ChannelView:
    found = stores.catalog_store().channel(channel_id)
    if found is None:
        raise NotFound(f"there is no channel {channel_id}")
    return channel_view(found, _signing_secret(channel_id))


@app.put(
    "/v1/staff/<caller>",
    summary="Say on whose work a member of staff acts",
    description="A caller that is registered is refused (403, `not_your_node`) at every other node;"
    " one that is not acts for all of them. It takes some seconds to be known everywhere.",
    tags=["catalog"],
    responses=_WRITTEN,
)
def put_staff(caller: Caller, staff: Annotated[StaffDocument, Body()]) -> StaffView:
    if staff.nodes is None:
        stores.staff().remove(caller)
        return staff_view(caller, None)
    known = {node.id for node in stores.catalog_store().nodes()} if staff.nodes else set()
    stored = staff_of(caller, staff.nodes, known)
    stores.staff().put(stored)
    return staff_view(caller, stored)


@app.get(
    "/v1/staff/<caller>",
    summary="Read on whose work a member of staff acts",
    tags=["catalog"],
    responses=_READ,
)
def get_staff(caller: Caller) -> StaffView:
    found = stores.staff().read(caller)
    if found is None:
        raise NotFound(f"{caller} is not registered as staff")
    return staff_view(caller, found)


@app.put(
    "/v1/sourcing-policies/<policy_id>",
    summary="Put a version of a sourcing policy",
    description="The same content again is the same version. Versions before are kept, and hold"
    " until this one is effective.",
    tags=["routing"],
    responses={**_WRITTEN, **refusals(503)},
)
def put_sourcing_policy(
    policy_id: PolicyId, policy: Annotated[SourcingPolicyDocument, Body()]
) -> SourcingPolicyView:
    cause = Cause(by=caller(app), at=utc_now())
    versions = stores.sourcing_policies()
    stored = put_policy(policy_id, policy, versions, stores.catalog_store(), cause)
    return _with_effective(stored, cause.at)


@app.get(
    "/v1/sourcing-policies/<policy_id>",
    summary="Read a sourcing policy",
    description="The version that was put last, or another; it says which one holds now.",
    tags=["routing"],
    responses=_READ,
)
def get_sourcing_policy(
    policy_id: PolicyId, version: Annotated[int, Query(ge=0)] = 0
) -> SourcingPolicyView:
    versions = stores.sourcing_policies()
    found = versions.version(policy_id, version) if version else versions.latest(policy_id)
    if found is None:
        raise NotFound(f"there is no such sourcing policy {policy_id}")
    return _with_effective(found, utc_now())


@app.get(
    "/v1/sourcing-policies/<policy_id>/versions",
    summary="List the versions of a sourcing policy",
    tags=["routing"],
    responses={200: {"description": "Newest first"}, **refusals(401, 403, 422)},
)
def list_sourcing_policy_versions(
    policy_id: PolicyId,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> SourcingPolicyVersions:
    versions = stores.sourcing_policies()
    page = versions.versions(policy_id, limit, cursor or None)
    holds = effective(versions.of(policy_id), utc_now())
    return SourcingPolicyVersions(
        versions=[policy_view(one, holds.version if holds else None) for one in page.versions],
        next_cursor=page.cursor,
    )


@app.get(
    "/v1/sourcing-policies",
    summary="List the sourcing policies",
    tags=["routing"],
    responses={200: {"description": "The version of each that was put last"}, **refusals(401, 403)},
)
def list_sourcing_policies() -> SourcingPolicyList:
    now, found = utc_now(), stores.sourcing_policies().current()
    holding = [(versions[-1], effective(versions, now)) for versions in found]
    return SourcingPolicyList(
        sourcing_policies=[
            policy_view(latest, holds.version if holds else None) for latest, holds in holding
        ]
    )


def _with_effective(policy: SourcingPolicy, now: datetime) -> SourcingPolicyView:
    holds = effective(stores.sourcing_policies().of(policy.id), now)
    return policy_view(policy, holds.version if holds else None)


def _shown(item: Item) -> ItemView:
    components = named_by(item)
    return item_view(item, stores.catalog_store().items(components) if components else {})


def _with_secret(node: Node, load: NodeLoadView | None = None) -> NodeView:
    secret = _signing_secret(supplier_name(node.id)) if node.callback_url else ""
    return node_view(node, secret, load)


def _load(node: Node) -> NodeLoadView | None:
    now = utc_now()
    day = day_of(node, now)
    if not is_limited(node) or day is None:
        return None
    load = stores.capacity().loads([node], now)[node.id]
    return NodeLoadView(day=day, taken=load.day, left=capacity_left(node, now, load) or 0)


def _signing_secret(called: str) -> str:
    return channel_secret(secrets.read(os.environ["CALLBACK_SECRET"]), called)


handler = serve(app)
