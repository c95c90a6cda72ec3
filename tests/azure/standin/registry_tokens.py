"""Tokens of a login server: refresh tokens, and access tokens that docker-registry checks by their signature."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from . import certificates
from .state import Registry

ISSUER = "Azure Container Registry"
REFRESH_LIFETIME = 3 * 3600


@dataclass
class RegistryTokens:
    """`certificate`: what docker-registry takes as `rootcertbundle`."""

    key: ec.EllipticCurvePrivateKey
    certificate: Path
    lifetime: int = 600  # of access tokens, in seconds
    refresh_lifetime: float = REFRESH_LIFETIME
    _refresh: dict[str, tuple[str, float]] = field(default_factory=dict)  # token -> (registry, expiry)

    @classmethod
    def make(cls, folder: Path) -> RegistryTokens:
        return cls(certificates.token_key(folder), folder / "token.pem")

    def refresh_token(self, registry: Registry) -> str:
        until = time.time() + self.refresh_lifetime
        token = self._jwt(registry, {"grant_type": "refresh_token", "exp": int(until)})
        self._refresh[token] = (registry.name, until)
        return token

    def is_refresh_token(self, registry: Registry, token: str) -> bool:
        name, until = self._refresh.get(token, ("", 0.0))
        return name == registry.name and until > time.time()

    def expire(self) -> None:
        """Refresh tokens given so far hold no longer."""
        self._refresh = {token: (name, 0.0) for token, (name, _) in self._refresh.items()}

    def access_token(self, registry: Registry, access: list[dict[str, Any]]) -> str:
        """As the token specification of the distribution project says (docs/spec/auth/jwt.md)."""
        return self._jwt(registry, {"exp": int(time.time()) + self.lifetime, "access": access})

    def _jwt(self, registry: Registry, claims: dict[str, Any]) -> str:
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        now = int(time.time())
        body = {
            "iss": ISSUER,
            "aud": registry.login_server,
            "sub": "11111111-1111-1111-1111-111111111111",
            "iat": now,
            "nbf": now - 60,
            "jti": secrets.token_hex(8),
            **claims,
        }
        text = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(body).encode())}"
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
