"""Every function has what belongs to it, and nothing that belongs to another."""

import re

from infra.deployment import ROOT
from infra.functions import FUNCTIONS
from tests.infra.template import Resource, Templates, pointed_at

FUNCTION = "AWS::Lambda::Function"
TYPED = re.compile(r"\benviron\[\"(\w+)\"\]")


def test_every_folder_of_functions_is_deployed_and_no_other() -> None:
    folders = {each.parent.name for each in (ROOT / "functions").glob("*/handler.py")}

    assert {plan.name for plan in FUNCTIONS} == folders


def test_every_function_has_a_role_of_its_own(aws: Templates) -> None:
    roles = [pointed_at(each.properties["Role"]) for each in aws.of(FUNCTION)]

    assert len(set(roles)) == len(roles) == len(FUNCTIONS)
    assert all(aws.resources[role].type == "AWS::IAM::Role" for role in roles)


def test_every_policy_is_for_one_role(aws: Templates) -> None:
    for policy in aws.of("AWS::IAM::Policy"):
        assert len(policy.properties["Roles"]) == 1, policy


def test_every_function_has_a_log_group_of_its_own_that_forgets(aws: Templates) -> None:
    groups = [pointed_at(each.properties["LoggingConfig"]["LogGroup"]) for each in aws.of(FUNCTION)]

    assert len(set(groups)) == len(groups)
    assert all(aws.resources[each].properties["RetentionInDays"] <= 90 for each in groups)


def test_every_log_group_forgets(aws: Templates) -> None:
    for group in aws.of("AWS::Logs::LogGroup"):
        assert group.properties.get("RetentionInDays", 0) > 0, group


def test_every_function_logs_json_and_is_traced(aws: Templates) -> None:
    for function in aws.of(FUNCTION):
        assert function.properties["LoggingConfig"]["LogFormat"] == "JSON", function
        assert function.properties["TracingConfig"] == {"Mode": "Active"}, function


def test_every_function_runs_on_arm_with_a_bounded_time(aws: Templates) -> None:
    for function in aws.of(FUNCTION):
        assert function.properties["Architectures"] == ["arm64"], function
        assert 0 < function.properties["Timeout"] <= 30, function


def test_every_handler_has_the_import_path_that_it_has_in_tests(aws: Templates) -> None:
    handlers = {each.properties["Handler"] for each in aws.of(FUNCTION)}

    assert handlers == {f"functions.{plan.name}.handler.handler" for plan in FUNCTIONS}


def test_every_function_is_told_the_variables_that_its_code_needs(aws: Templates) -> None:
    for function in aws.of(FUNCTION):
        name = function.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        missing = needed_by(name) - told(function)
        assert not missing, f"{name} is not told {', '.join(sorted(missing))}"


def test_no_variable_holds_a_secret(aws: Templates) -> None:
    """Only its ARN: CloudFormation would put a secret itself there in clear text."""
    for function in aws.of(FUNCTION):
        values = str(function.properties["Environment"]["Variables"])
        assert "resolve:secretsmanager" not in values, function


def told(function: Resource) -> set[str]:
    return set(function.properties["Environment"]["Variables"])


def needed_by(name: str) -> set[str]:
    """The variables that a function's own files read, and those of the stores that they use."""
    code = "\n".join(each.read_text() for each in (ROOT / "functions" / name).glob("**/*.py"))
    of_store = variable_by_store()
    used = {of_store[store] for store in re.findall(r"\bstores\.(\w+)\(", code)}
    consumes = {"DEAD_LETTER_QUEUE_URL"} if "DeadLetters.from_environment" in code else set()
    return used | consumes | set(TYPED.findall(code))


def variable_by_store() -> dict[str, str]:
    """``orders`` → ``ORDERS_TABLE``, as oms/aws/stores.py has it; a cached store needs the same."""
    code = (ROOT / "layers" / "oms" / "python" / "oms" / "aws" / "stores.py").read_text()
    found = dict(re.findall(r"def (\w+)\(\)[^@]*?environ\[\"(\w+)\"\]", code))
    return {**found, "catalog": found["catalog_store"]}
