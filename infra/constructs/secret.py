"""Secrets: made by Secrets Manager, never seen by a template or by code."""

import string

from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.deployment import Deployment

# Letters and digits are all base64, and 44 of them decode to 33 bytes: a key that can be used as
# it stands, by the Standard Webhooks scheme too (``whsec_`` + the secret; 24 to 64 bytes).
LENGTH = 44


class Secret(Construct):
    """``secret`` holds 44 random letters and digits until an operator puts something else."""

    def __init__(
        self, scope: Construct, construct_id: str, *, purpose: str, deployment: Deployment
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description=purpose,
            removal_policy=deployment.keep,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=LENGTH,
                exclude_punctuation=True,
                exclude_characters=string.punctuation,
                include_space=False,
            ),
        )
        acknowledge(
            self.secret,
            {
                "AwsSolutions-SMG4": "The other side holds the same secret: it is rotated together "
                "with them, by hand (docs/runbook.md#rotate-a-secret)."
            },
        )
