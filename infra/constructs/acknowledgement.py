"""Exceptions from the rules of cdk-nag: one rule, on one construct, with the reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept each finding (``rule`` or ``rule[finding]``) for its reason, on the one resource that
    ``construct`` stands for and on nothing below it.

    The reason ends up in the template, in the metadata of the resource.
    """
    resource = construct.node.default_child or construct
    acknowledgments = [Acknowledgment(id=rule, reason=why) for rule, why in reasons.items()]
    Validations.of(resource).acknowledge(*acknowledgments)
