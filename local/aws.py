"""boto3 sessions for tools and tests. The OMS itself reaches AWS through `oms.aws` alone."""

import os

import boto3
from botocore.config import Config
from botocore.session import Session

from local.engine import REGION


def local_session() -> boto3.Session:
    """A session for the local engine, which no profile, credential or proxy of the caller enters.

    Its clients need the engine's address: `local_session().client("sqs", endpoint_url=…)`.
    """
    core = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "region": (None, None, REGION, None),
        }
    )
    core.set_credentials("local", "local")
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session(botocore_session=core)
