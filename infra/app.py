"""The CDK app: ``cdk synth``, or ``python -m infra.app``. Needs no account and no credentials."""

import aws_cdk as cdk
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks

from infra.deployment import Deployment, from_context
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.service import ServiceStack


def compose(app: cdk.App, deployment: Deployment) -> None:
    data = DataStack(app, f"{deployment.name}Data", deployment=deployment)
    service = ServiceStack(app, f"{deployment.name}Service", data=data, deployment=deployment)
    ApiStack(app, f"{deployment.name}Api", data=data, service=service, deployment=deployment)
    check_rules(app)


def check_rules(app: cdk.App) -> None:
    """A finding of cdk-nag that is not acknowledged with a reason fails the synth. The reasons are
    written into the templates."""
    Validations.of(app).add_plugins(
        AwsSolutionsChecks(app, write_suppressions_to_cloud_formation=True)
    )


def main() -> None:
    # CDK's own validation of the templates takes three quarters of the synth, and `make check` has
    # cfn-lint do the same.
    app = cdk.App(builtin_cloud_formation_validation=False)
    compose(app, from_context(app.node))
    app.synth()


if __name__ == "__main__":
    main()
