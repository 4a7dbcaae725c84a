"""A real broker behind TLS, SCRAM and access control, with certificates and users of its own."""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployments.local.kafka import EmbeddedKafka
from fraud.kafka.permissions import Permission

MECHANISM = "SCRAM-SHA-512"
ADMIN = "admin"
_ITERATIONS = 4_096
_ENCODING = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    """A certificate authority, with its own certificate in a file."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path

    @classmethod
    def found(cls, folder: Path, name: str) -> "Authority":
        """A new authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        certificate = (
            _draft(subject, subject, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = folder / f"{name}.pem"
        file.write_bytes(certificate.public_bytes(_ENCODING))
        return cls(key, certificate, file)

    def issue(self, folder: Path, address: str) -> Path:
        """A file with a new private key and its certificate, made out to an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = (
            _draft(_named("broker"), self.certificate.subject, key)
            .add_extension(name, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        private = key.private_bytes(
            _ENCODING, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "broker.pem"
        file.write_bytes(private + certificate.public_bytes(_ENCODING))
        return file


class LockedKafka:
    """The broker, its administrator, and new users at will."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.found(folder, "authority")
        self.stranger = Authority.found(folder, "stranger")
        self._password = secrets.token_hex(12)
        identity = self.authority.issue(folder, "127.0.0.1")
        self.kafka = EmbeddedKafka(
            folder / "kafka",
            heap_mb=256,
            properties=_properties(identity, self.authority.file, self._password),
            format_arguments=("--add-scram", f"{MECHANISM}=[name={ADMIN},password={self._password}]"),
            client=_client(self.authority.file, self._password),
        )

    @cached_property
    def admin(self) -> AdminClient:
        """A client of the administrator's; logging in takes longer than what it is asked."""
        servers = {"bootstrap.servers": self.kafka.bootstrap_servers}
        return AdminClient(servers | _client(self.authority.file, self._password))

    @property
    def as_admin(self) -> dict[str, Any]:
        """Kafka settings of the administrator."""
        return self.settings_of(ADMIN, self._password)

    def settings_of(self, name: str, password: str) -> dict[str, Any]:
        """Kafka settings of a user."""
        return {
            "bootstrap_servers": self.kafka.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_username": name,
            "sasl_password": password,
            "ssl_ca_location": self.authority.file,
            "partitions": 1,
        }

    def add_user(self, name: str) -> dict[str, Any]:
        """Kafka settings of a new user, who has no permissions yet."""
        password = secrets.token_hex(12)
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        wanted = UserScramCredentialUpsertion(name, info, password.encode())
        self.admin.alter_user_scram_credentials([wanted])[name].result()
        return self.settings_of(name, password)

    def allow(self, name: str, permissions: Sequence[Permission]) -> None:
        """Give a user permissions."""
        bindings = {_binding(name, permission) for permission in permissions}
        for done in self.admin.create_acls(list(bindings)).values():
            done.result()

    def knows(self, name: str, permissions: Sequence[Permission]) -> bool:
        """Whether the permissions of a user have come from the controller to the broker."""
        everything = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, f"User:{name}", None,
            AclOperation.ANY, AclPermissionType.ANY,
        )  # fmt: skip
        found = self.admin.describe_acls(everything).result()
        return {_binding(name, permission) for permission in permissions} <= set(found)

    def take_away(self, name: str, permission: Permission) -> None:
        """Take a permission away from a user."""
        binding = _binding(name, permission)
        exactly = AclBindingFilter(
            binding.restype, binding.name, binding.resource_pattern_type, binding.principal, binding.host,
            binding.operation, binding.permission_type,
        )  # fmt: skip
        assert self.admin.delete_acls([exactly])[exactly].result()


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def tls_and_permissions(identity: Path, trusted: Path, admin: str) -> dict[str, str]:
    """Properties of a broker that shows a certificate and allows nothing without a permission.

    Args:
        identity: the broker's private key and certificate, in one file.
        trusted: the authority's certificate.
        admin: the user who may do everything.
    """
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(identity),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trusted),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The one node's own controller has no name; nobody else reaches its port.
        "super.users": f"User:{admin};User:ANONYMOUS",
        # Failed log-ins are answered late, so as to be costly; a test makes many.
        "connection.failed.authentication.delay.ms": "50",
    }


def _properties(identity: Path, trusted: Path, password: str) -> dict[str, str]:
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return {
        "listeners": "SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": (
            f'{module} required username="{ADMIN}" password="{password}";'
        ),
        **tls_and_permissions(identity, trusted, ADMIN),
    }


def _client(trusted: Path, password: str) -> dict[str, Any]:
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": MECHANISM,
        "sasl.username": ADMIN,
        "sasl.password": password,
        "ssl.ca.location": str(trusted),
    }


def _binding(name: str, permission: Permission) -> AclBinding:
    return AclBinding(
        ResourceType[permission.kind.upper()],
        permission.name,
        ResourcePatternType.PREFIXED if permission.is_prefix else ResourcePatternType.LITERAL,
        f"User:{name}",
        "*",
        AclOperation[permission.operation.upper()],
        AclPermissionType.ALLOW,
    )
