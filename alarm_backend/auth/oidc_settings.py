"""How people sign in through an OpenID provider."""

from __future__ import annotations

from dataclasses import dataclass

from alarm_backend.auth.schemas import Role

CALLBACK = "/single-sign-on/callback"


@dataclass(frozen=True)
class OidcSettings:
    """One provider, and what its claims mean here."""

    issuer: str
    """Exactly as the provider calls itself."""
    client_id: str
    client_secret: str
    public_url: str
    """Address of this backend as browsers see it, without a slash at the end."""
    role_claim: str = "groups"
    """The claim that says what somebody may do here: a word or a list of words."""
    roles: tuple[tuple[str, Role], ...] = ()
    """(value of the claim, role), the first that fits counts; nobody gets a role without one."""
    create_accounts: bool = False
    """True: somebody new with a role gets an account at the first sign-in. False: an administrator adds it first."""
    scopes: tuple[str, ...] = ("openid", "profile")
    leeway_s: int = 30
    """How far the provider's clock may be off. ASSUMED: NTP keeps both within a second; a minute is the usual most."""

    @property
    def redirect_uri(self) -> str:
        return self.public_url + CALLBACK

    @property
    def after_sign_out(self) -> str:
        return self.public_url + "/login"

    def role_of(self, claim: object) -> Role | None:
        """The role that a claim gives; None = none."""
        values = [claim] if isinstance(claim, str) else claim
        if not isinstance(values, list):
            return None
        return next((role for value, role in self.roles if value in values), None)
