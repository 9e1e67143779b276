"""Who may call the API: machines, with client credentials, one scope per resource and verb."""

from aws_cdk import Aws, Fn
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.constructs.acknowledgement import acknowledge
from infra.deployment import Deployment

RESOURCES = ("orders", "catalog", "inventory", "fulfillments", "accounts", "settlements", "reports")
VERBS = ("read", "write")
NO_PEOPLE = "The pool has no users, only machine clients: nobody signs in with a password."


class Identity(Construct):
    """``pool`` signs the tokens, ``client`` may ask for all scopes at ``domain``."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            account_recovery=cognito.AccountRecovery.NONE,
            deletion_protection=not deployment.is_local,
            removal_policy=deployment.keep,
            password_policy=cognito.PasswordPolicy(
                min_length=16,
                require_digits=True,
                require_lowercase=True,
                require_symbols=True,
                require_uppercase=True,
            ),
        )
        acknowledge(self.pool, dict.fromkeys(["AwsSolutions-COG2", "AwsSolutions-COG8"], NO_PEOPLE))
        scopes = [
            cognito.ResourceServerScope(
                scope_name=f"{resource}.{verb}", scope_description=f"{verb} {resource}"
            )
            for resource in RESOURCES
            for verb in VERBS
        ]
        server = self.pool.add_resource_server("Oms", identifier="oms", scopes=scopes)
        self.client = self.pool.add_client(
            "Machine",
            generate_secret=True,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, each) for each in scopes],
            ),
        )
        prefix = _unique_prefix()
        self.pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix)
        )
        self.domain = f"{prefix}.auth.{Aws.REGION}.amazoncognito.com"


def _unique_prefix() -> str:
    """Domains are shared by all of a region's customers, so it carries the stack's own id."""
    return f"oms-{Fn.select(2, Fn.split('/', Aws.STACK_ID))}"
