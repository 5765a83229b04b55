"""A certificate authority of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dev.servers.certificate import Certificate

LIFETIME = timedelta(hours=1)


class Authority:
    """Signs certificates; whoever has its file believes them."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(
            self._name,
            self._key.public_key(),
            {
                x509.BasicConstraints(ca=True, path_length=0): True,
                _usage(signs_certificates=True): True,
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()): False,
            },
        )

    def file(self, folder: Path) -> Path:
        """Its own certificate, for clients."""
        path = folder / f"{self._certificate.serial_number}.pem"
        path.write_bytes(self._certificate.public_bytes(Encoding.PEM))
        return path

    def certificate(self, host: str) -> Certificate:
        """A server's, good for one host name."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
            key.public_key(),
            {
                x509.BasicConstraints(ca=False, path_length=None): True,
                _usage(signs_certificates=False): True,
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]): False,
                x509.SubjectAlternativeName([x509.DNSName(host)]): False,
            },
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return Certificate(signed.public_bytes(Encoding.PEM).decode(), private)

    def _sign(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, extensions: dict[x509.ExtensionType, bool]
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LIFETIME)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for extension, critical in extensions.items():
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
