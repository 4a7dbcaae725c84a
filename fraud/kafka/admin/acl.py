"""Kafka's access control lists, brought to what the table of `fraud.kafka.permissions` says."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from fraud.errors import UnreachableError
from fraud.kafka.admin.controller import ask_controller
from fraud.kafka.errors import permission_error
from fraud.kafka.permissions import Permission, permissions_of
from fraud.settings import Settings

_ANY_HOST = "*"


@dataclass(frozen=True)
class AclPlan:
    """What a principal has, lacks, and has beyond its need."""

    identity: str
    principal: str
    there: tuple[Permission, ...]
    missing: tuple[Permission, ...]
    beyond: tuple[str, ...]


def plan_acls(settings: Settings, principals: Mapping[str, str]) -> list[AclPlan]:
    """Compare the cluster with the table, for `principals` (identity to `User:name`).

    Identities of one principal share what it has; nothing of it counts as beyond its need that one of them
    needs.

    Raises:
        ConfigurationError: there is no such identity.
        UnreachableError: no broker answers, it refuses, or it has no access control.
    """
    permissions = {identity: permissions_of(settings, identity) for identity in principals}
    needed: dict[str, set[AclBinding]] = {principal: set() for principal in principals.values()}
    for identity, principal in principals.items():
        needed[principal] |= {_binding(principal, permission) for permission in permissions[identity]}
    found = {principal: _found(settings, principal) for principal in needed}
    plans = []
    for identity, principal in principals.items():
        is_there = {
            permission: _binding(principal, permission) in found[principal]
            for permission in permissions[identity]
        }
        plans.append(
            AclPlan(
                identity,
                principal,
                there=tuple(permission for permission, there in is_there.items() if there),
                missing=tuple(permission for permission, there in is_there.items() if not there),
                beyond=tuple(sorted(map(_described, found[principal] - needed[principal]))),
            )
        )
    return plans


def apply_plan(settings: Settings, plans: Iterable[AclPlan]) -> int:
    """Grant what is missing, and only that; returns how many permissions were granted.

    Raises:
        UnreachableError: no broker answers, or it refuses.
    """
    wanted = [_binding(plan.principal, permission) for plan in plans for permission in plan.missing]
    answers = ask_controller(
        settings,
        lambda admin, limit_s: admin.create_acls(wanted, request_timeout=limit_s) if wanted else {},
    )
    for future in answers.values():
        _answer(settings, future, "granting permissions")
    return len(wanted)


def _found(settings: Settings, principal: str) -> set[AclBinding]:
    anything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, principal, None,
        AclOperation.ANY, AclPermissionType.ANY,
    )  # fmt: skip
    answers = ask_controller(
        settings,
        lambda admin, limit_s: {principal: admin.describe_acls(anything, request_timeout=limit_s)},
    )
    return set(_answer(settings, answers[principal], "listing permissions"))


def _binding(principal: str, permission: Permission) -> AclBinding:
    return AclBinding(
        ResourceType[permission.kind.upper()],
        permission.name,
        ResourcePatternType.PREFIXED if permission.is_prefix else ResourcePatternType.LITERAL,
        principal,
        _ANY_HOST,
        AclOperation[permission.operation.upper()],
        AclPermissionType.ALLOW,
    )


def _described(binding: AclBinding) -> str:
    star = "*" if binding.resource_pattern_type == ResourcePatternType.PREFIXED else ""
    verb = "" if binding.permission_type == AclPermissionType.ALLOW else "denied: "
    what = f"{binding.operation.name} {binding.restype.name} {binding.name}{star}".lower()
    return f"{verb}{what}" + ("" if binding.host == _ANY_HOST else f" from {binding.host}")


def _answer(settings: Settings, future: Future[Any], doing: str) -> Any:
    try:
        return future.result() or []
    except KafkaException as error:
        fault = error.args[0]
        raise permission_error(settings.kafka, fault, doing) or UnreachableError(
            f"Kafka at {settings.kafka.bootstrap_servers} failed at {doing}: {fault.str()}; "
            "its brokers need an authorizer (authorizer.class.name)"
        ) from error
