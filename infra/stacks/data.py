"""What outlives every deployment: tables, secrets, and who may call."""

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.identity import Identity
from infra.constructs.secret import Secret
from infra.constructs.table import Index, Table
from infra.deployment import Deployment
from infra.functions import WEBHOOK_SOURCES


class DataStack(Stack):
    """``tables`` and ``secrets`` go by the names that infra/functions.py uses."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, construct_id, description="OMS: tables, secrets, clients")
        self._deployment = deployment
        self.tables: dict[str, dynamodb.Table] = {
            "orders": Table(
                self,
                "Orders",
                deployment=deployment,
                stream=dynamodb.StreamViewType.NEW_IMAGE,
                indexes=[
                    Index("by_channel", partition="channel", sort="captured_at"),
                    Index("by_customer", partition="customer", sort="captured_at"),
                ],
            ).table,
            "inventory": Table(
                self,
                "Inventory",
                deployment=deployment,
                stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
                indexes=[Index("expiring", partition="expiring", sort="expires_at")],
                expires_by="forget_at",
            ).table,
            "catalog": Table(self, "Catalog", deployment=deployment).table,
            "views": Table(
                self,
                "Views",
                deployment=deployment,
                indexes=[Index("waiting", partition="waiting", sort="since", carries=("state",))],
                expires_by="expires_at",
            ).table,
            "work": Table(self, "Work", deployment=deployment, expires_by="expires_at").table,
            "accounts": Table(
                self, "Accounts", deployment=deployment, expires_by="forget_at"
            ).table,
        }
        self.secrets: dict[str, secretsmanager.Secret] = {
            "callback": self._secret(
                "Callback", "Signs the events sent to channels; each channel's key derives from it"
            ),
            "pickup": self._secret(
                "Pickup", "Makes the codes with which customers collect; each derives from it"
            ),
            "gift_card": self._secret(
                "GiftCard", "Makes what a gift card is found by of its code; never replaced"
            ),
            "stripe": self._secret(
                "Stripe", "Stripe's secret key. A placeholder until an operator puts the real one"
            ),
            "mercadopago": self._secret(
                "MercadoPago",
                "Mercado Pago's access token. A placeholder until an operator puts the real one",
            ),
        }
        self.webhook_secrets: dict[str, secretsmanager.Secret] = {
            source: self._secret(
                f"{source.capitalize()}Webhook", f"Verifies webhooks from {source}"
            )
            for source in WEBHOOK_SOURCES
        }
        self.identity = Identity(self, "Identity", deployment=deployment)

    def _secret(self, construct_id: str, purpose: str) -> secretsmanager.Secret:
        return Secret(self, construct_id, purpose=purpose, deployment=self._deployment).secret
