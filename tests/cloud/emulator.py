#!/usr/bin/env python3
"""Starts MiniStack, an emulator of AWS, with the gaps closed that matter to Gatepost.

Each section replaces one function of MiniStack's, so it is written for one version (requirements/emulator.txt).
The settings come from the environment, as for `ministack` itself.
"""
import contextvars
import importlib.metadata
import json
import os
import re
import socketserver
from email.utils import parseaddr

import ministack.core.iam_actions as iam_actions
import ministack.core.iam_evaluator as iam_evaluator
import ministack.core.lambda_runtime as lambda_runtime
import ministack.services.apigateway as gateway
import ministack.services.cloudformation.changesets as changesets
import ministack.services.cloudformation.engine as cloudformation
import ministack.services.cloudformation.handlers as stack_handlers
import ministack.services.dynamodb as dynamodb
import ministack.services.eventbridge as eventbridge
import ministack.services.lambda_svc as functions
import samtranslator.translator.transform as sam_transform
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as resource_handlers

WRITTEN_FOR = "1.5.33"
found = importlib.metadata.version("ministack")
if found != WRITTEN_FOR:
    raise SystemExit(f"tests/cloud/emulator.py was written for MiniStack {WRITTEN_FOR}, this is {found}")


# ---- HTTP API: MiniStack ignores the OpenAPI body that AWS::Serverless::HttpApi expands to, so every route is a 404, and
# no origin is allowed.

def import_routes(api_id, body):
    gateway._routes[api_id], gateway._integrations[api_id] = {}, {}
    gateway._apis[api_id]["corsConfiguration"] = body.get("x-amazon-apigateway-cors")
    operations = [(path, method, operation) for path, methods in body["paths"].items()
                  for method, operation in methods.items()]
    for number, (path, method, operation) in enumerate(operations):
        integration = operation["x-amazon-apigateway-integration"]
        key = f"{number:08}"
        gateway._integrations[api_id][key] = {
            "integrationId": key,
            "integrationType": "AWS_PROXY",
            "integrationUri": integration["uri"],
            "integrationMethod": integration["httpMethod"],
            "payloadFormatVersion": integration["payloadFormatVersion"],
            "timeoutInMillis": 30_000,
        }
        gateway._routes[api_id][key] = {
            "routeId": key,
            "routeKey": "$default" if path == "/$default" else f"{method.upper()} {path}",
            "target": f"integrations/{key}",
            "authorizationType": "NONE",
        }


api_handlers = resource_handlers["AWS::ApiGatewayV2::Api"]
create_api, update_api = api_handlers["create"], api_handlers["update"]


def create_api_with_routes(logical_id, props, stack_name):
    # A known id: the issuer, a parameter of the stack, is the API's own address.
    known = os.environ["GATEPOST_API_ID"]
    created = create_api(logical_id, {**props, "Tags": {**props.get("Tags", {}), "ms-custom-id": known}}, stack_name)
    import_routes(created[0], props["Body"])
    return created


def update_api_with_routes(physical_id, old, new, stack_name, logical_id=None):
    updated = update_api(physical_id, old, new, stack_name, logical_id)
    import_routes(physical_id, new["Body"])
    return updated


api_handlers.update(create=create_api_with_routes, update=update_api_with_routes)


# ---- SAM: MiniStack transforms with the default of each parameter, where AWS takes the value of the deployment.

transform_of_sam, parameters_of_sam = sam_transform.transform, contextvars.ContextVar("parameters", default={})
apply_transforms = cloudformation._apply_transforms


def transform_with_parameters(template, parameters, policies, **options):
    return transform_of_sam(template, parameters | parameters_of_sam.get(), policies, **options)


def apply_transforms_with_parameters(template, provided_params=None, previous_params=None):
    parameters_of_sam.set(cloudformation._transform_parameters(template, provided_params, previous_params))
    return apply_transforms(template, provided_params, previous_params)


sam_transform.transform = transform_with_parameters
for module in (cloudformation, changesets, stack_handlers):
    if hasattr(module, "_apply_transforms"):
        module._apply_transforms = apply_transforms_with_parameters


# ---- Secrets: on AWS, Ref is the ARN.

secret_handlers = resource_handlers["AWS::SecretsManager::Secret"]
create_secret = secret_handlers["create"]


def create_secret_by_arn(logical_id, props, stack_name):
    _, attributes = create_secret(logical_id, props, stack_name)
    return attributes["Arn"], attributes


secret_handlers["create"] = create_secret_by_arn


# ---- Tables: MiniStack does not turn on what CreateTable has no property for.

table_handlers = resource_handlers["AWS::DynamoDB::Table"]
create_table = table_handlers["create"]


def create_table_with_expiry(logical_id, props, stack_name):
    created = create_table(logical_id, props, stack_name)
    expiry = props.get("TimeToLiveSpecification", {})
    if expiry.get("Enabled"):
        dynamodb._ttl_settings[created[0]] = {"TimeToLiveStatus": "ENABLED", "AttributeName": expiry["AttributeName"]}
    recovery = props.get("PointInTimeRecoverySpecification", {})
    dynamodb._pitr_settings[created[0]] = bool(recovery.get("PointInTimeRecoveryEnabled"))
    return created


table_handlers["create"] = create_table_with_expiry


# ---- Streams: MiniStack drops `batchItemFailures`. A batch with a failure is delivered again, as a failed one is.

execute = functions._execute_function


def execute_with_failures(function, event, *args, **kwargs):
    result = execute(function, event, *args, **kwargs)
    records = event.get("Records") if isinstance(event, dict) else None
    if records and records[0].get("eventSource") == "aws:dynamodb" and not result.get("error"):
        body = result.get("body")
        body = json.loads(body) if isinstance(body, (str, bytes)) and body else body
        if isinstance(body, dict) and body.get("batchItemFailures"):
            result["error"] = True
    return result


functions._execute_function = execute_with_failures


# ---- Rights: MiniStack does not know dynamodb:LeadingKeys, so the conditions on it would hold for every item.

class TableWithKeys(str):
    """A table's ARN that knows which partition keys the call names."""
    keys: list


def partition_key(table, index=None):
    schema = dynamodb._tables.get(table.rsplit("/", 1)[-1], {})
    if index:
        schema = next(i for i in schema["GlobalSecondaryIndexes"] if i["IndexName"] == index)
    return next((k["AttributeName"] for k in schema.get("KeySchema", []) if k["KeyType"] == "HASH"), None)


def leading_keys(call):
    """The partition keys that one call, or one part of a transaction, names."""
    attribute = partition_key(call.get("TableName", ""), call.get("IndexName"))
    item = call.get("Key") or call.get("Item")
    if item:
        return list(item.get(attribute, {}).values())
    names = {v: k for k, v in call.get("ExpressionAttributeNames", {}).items()}
    wanted = re.search(rf"(?:^|[\s(])(?:{attribute}|{names.get(attribute, attribute)})\s*=\s*(:\w+)",
                       call.get("KeyConditionExpression", ""))
    return list(call["ExpressionAttributeValues"][wanted[1]].values()) if wanted else []


context_of, checks_of, enforce = (
    iam_actions.dynamodb_service_context, iam_actions.dynamodb_transaction_checks, iam_evaluator.enforce)


def context_with_keys(body):
    call = json.loads(body or b"{}")
    keys = leading_keys(call)
    return {**context_of(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}


def checks_with_keys(action, body, region, account):
    checks = []
    for (item_action, arn), item in zip(checks_of(action, body, region, account),
                                        json.loads(body).get("TransactItems", [])):
        table = TableWithKeys(arn)
        table.keys = leading_keys(next(iter(item.values())))
        checks.append((item_action, table))
    return checks


def enforce_with_keys(*args, resource_arn=None, service_context=None, **kwargs):
    if isinstance(resource_arn, TableWithKeys):
        service_context = {**(service_context or {}), "dynamodb:LeadingKeys": resource_arn.keys}
    return enforce(*args, resource_arn=resource_arn, service_context=service_context, **kwargs)


iam_actions.dynamodb_service_context = context_with_keys
iam_actions.dynamodb_transaction_checks = checks_with_keys
iam_evaluator.enforce = enforce_with_keys


# ---- Rights: a mail is authorized on the sender's identity, which MiniStack takes for `*`.

resource_of_mail = iam_actions._ses_v2_resource_arn


def resource_with_sender(method, path, body, region, account):
    if path.rstrip("/") == "/v2/email/outbound-emails":
        _, sender = parseaddr(json.loads(body).get("FromEmailAddress", ""))
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"
    return resource_of_mail(method, path, body, region, account)


iam_actions._ses_v2_resource_arn = resource_with_sender


# ---- Events: MiniStack's SES reports no bounce to the default bus, so a check puts the event in its place.

eventbridge._put_events.__defaults__ = (True,)  # allow_aws_source


# ---- Waiting: 40 ms a call for a delayed acknowledgement, 50 ms for a log line that may not come.

socketserver.StreamRequestHandler.disable_nagle_algorithm = True
lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.003, 0.001, 0.250)


if __name__ == "__main__":
    from ministack.app import main
    main()
