"""A certificate that a probe was shown ends soon, or has ended."""

from __future__ import annotations

from perftui.findings.holding import evidence
from perftui.findings.probes import Probe, probes
from perftui.findings.rule import Limits, Rule
from perftui.history.history import History
from perftui.history.probe_windows import DAY_S
from perftui.model.finding import Constraint, Finding, Severity
from perftui.model.probe import Certificate

NAME = "tls.expiring"
LIFETIME_DAYS = 90.0
"""What the limits are made for; certificates that live shorter are renewed later, so theirs are shorter in proportion."""


class TlsExpiringLimits(Limits, frozen=True, kw_only=True):
    warning_days: float = 30.0
    """S003 edge cases: 30 days before its end. Of a certificate that lives 90 days or longer; else a third of its life (ours)."""
    critical_days: float = 7.0
    """Ours: a week; in proportion as above."""


def tls_expiring(history: History, limits: TlsExpiringLimits) -> list[Finding]:
    """Each certificate of a chain, the intermediates too, once however many probes are shown it."""
    seen: dict[Certificate, tuple[Probe, int]] = {}
    for probe in probes(history):
        for place, certificate in enumerate(probe.reading.certificates):
            seen.setdefault(certificate, (probe, place))
    return [
        finding
        for certificate, (probe, place) in seen.items()
        if (finding := _judge(history, probe, place, certificate, limits))
    ]


def _judge(
    history: History, probe: Probe, place: int, certificate: Certificate, limits: TlsExpiringLimits
) -> Finding | None:
    days = (certificate.not_after_at - history.at) / DAY_S
    lifetime = (certificate.not_after_at - certificate.not_before_at) / DAY_S
    scale = min(1.0, max(0.0, lifetime) / LIFETIME_DAYS)
    if days > limits.warning_days * scale:
        return None
    whose = "certificate" if place == 0 else "intermediate certificate"
    when = f"ended {_days(-days)} ago" if days <= 0 else f"ends in {_days(days)}"
    return Finding(
        rule=NAME,
        severity=Severity.CRITICAL if days <= limits.critical_days * scale else Severity.WARNING,
        constraint=Constraint.EXTERNAL_BOUND,
        title=f"{whose} {certificate.subject} {when}, issued by {certificate.issuer}, shown to probe {probe.name}",
        since_at=certificate.not_after_at - limits.warning_days * scale * DAY_S,
        began_before=False,
        subject={"probe": probe.name, "certificate": certificate.subject},
        evidence=(
            evidence(probe.path("certificate_days"), days, "days", limits.warning_days * scale, seed="S003 edge cases"),
        ),
    )


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} h"


RULE = Rule(
    name=NAME, constraint=Constraint.EXTERNAL_BOUND, limits=TlsExpiringLimits, find=tls_expiring, needs=("probes",)
)
