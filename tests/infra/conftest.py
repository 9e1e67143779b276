"""One synth for all sweeps: it takes some seconds."""

import json
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra.app import compose
from infra.deployment import ROOT, from_context
from tests.infra.template import Templates, templates


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """What is deployed to AWS by default. The layer of dependencies need not be built for it."""
    dependencies = tmp_path_factory.mktemp("dependencies")
    (dependencies / "python").mkdir()
    app = cdk.App(
        outdir=str(tmp_path_factory.mktemp("cdk.out")),
        context=flags(),
        builtin_cloud_formation_validation=False,
    )
    compose(app, replace(from_context(app.node), dependencies=dependencies))
    assembly = app.synth()
    return templates(
        {
            stack.stack_name: json.loads(
                (Path(assembly.directory) / stack.template_file).read_text()
            )
            for stack in assembly.stacks
        }
    )


def flags() -> dict[str, object]:
    """The feature flags that the CDK CLI would pass."""
    context: dict[str, object] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
