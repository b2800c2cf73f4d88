"""What the outcomes at one announced address mean: which setting, port or firewall rule is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.probes.host_addresses import is_private
from deploy.probes.reach import Outcome, Reach, parsed_ip

GOOD = {Outcome.ANSWERS}
NOTHING_CAME = {Outcome.REFUSED, Outcome.SILENT}


@dataclass(frozen=True, slots=True)
class View:
    """From where it is looked.

    Attributes:
        is_local: the control API is asked on this machine's loopback.
        must_be_public: addresses that only one network or machine reaches are wrong.
        better: addresses that could be announced instead, in words; empty when none is known.
    """

    is_local: bool
    must_be_public: bool
    better: str = ""

    @property
    def advice(self) -> str:
        """What to set the announced address to."""
        known = f" ({self.better})" if self.better else ""
        return f"set it to the address that browsers reach this SFU by{known}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence about one announced address, and whether it is as it should be."""

    ok: bool
    text: str


def judge(host: str, reaches: Sequence[Reach], view: View) -> Verdict:
    """Judge one announced address by what its ports did."""
    for rule in (_unusable, _for_this_machine_alone, _answered_from_elsewhere, _answered_by_another, _unreached):
        if (text := rule(host, reaches, view)) is not None:
            return Verdict(False, text)
    return _reached(host, reaches)


def _unusable(host: str, reaches: Sequence[Reach], view: View) -> str | None:
    outcomes = {one.outcome for one in reaches}
    if Outcome.WILDCARD in outcomes:
        return f"RTC_ANNOUNCED_IP is {host}, which no browser can send to: {view.advice}"
    if Outcome.NO_SUCH_NAME in outcomes:
        return f"RTC_ANNOUNCED_IP is {host}, a name that does not resolve here: {view.advice}"
    if Outcome.NO_ROUTE in outcomes:
        return f"this machine has no way to the announced address {host}: probe it from where browsers are"
    return None


def _for_this_machine_alone(host: str, _reaches: Sequence[Reach], view: View) -> str | None:
    ip = parsed_ip(host)
    if ip is not None and ip.is_loopback and (view.must_be_public or not view.is_local):
        return f"RTC_ANNOUNCED_IP is {host}: only browsers on the SFU's own machine reach it; {view.advice}"
    if ip is not None and is_private(ip) and view.must_be_public:
        return f"RTC_ANNOUNCED_IP is {host}, a private address: only its own network reaches it; {view.advice}"
    return None


def _answered_from_elsewhere(host: str, reaches: Sequence[Reach], _view: View) -> str | None:
    sources = {one.source for one in reaches if one.outcome is Outcome.ELSEWHERE}
    if not sources:
        return None
    return (
        f"checks sent to {host} are answered from {', '.join(sorted(sources))}, which browsers refuse: "
        f"set RTC_LISTEN_IP to the one address of the SFU's machine that {host} leads to"
    )


def _answered_by_another(host: str, reaches: Sequence[Reach], _view: View) -> str | None:
    ports = _ports(reaches, {Outcome.STRANGER})
    if not ports:
        return None
    return (
        f"something that is not this SFU has {host} {ports}: map these ports to the SFU under the same numbers, "
        "or move RTC_MIN_PORT and RTC_MAX_PORT to free ones"
    )


def _unreached(host: str, reaches: Sequence[Reach], view: View) -> str | None:
    udp = [one for one in reaches if one.target.protocol == "udp"]
    tcp = [one for one in reaches if one.target.protocol == "tcp"]
    udp_fails, tcp_fails = _ports(udp, NOTHING_CAME), _ports(tcp, NOTHING_CAME)
    if not udp_fails and not tcp_fails:
        return None
    if udp_fails and _ports(tcp, GOOD):
        return f"{host} answers by {_ports(tcp, GOOD)} but not by {udp_fails}: {_let_through(udp_fails)}"
    if tcp_fails and _ports(udp, GOOD):
        return (
            f"{host} answers by {_ports(udp, GOOD)} but not by {tcp_fails}: {_let_through(tcp_fails)}, "
            "or set RTC_TCP=false"
        )
    return _silent_everywhere(host, reaches, view)


def _let_through(ports: str) -> str:
    return f"let {ports} through to the SFU (firewall, port mapping)"


def _silent_everywhere(host: str, reaches: Sequence[Reach], view: View) -> str:
    ports = _ports(reaches, NOTHING_CAME)
    ip = parsed_ip(host)
    if ip is not None and is_private(ip):
        return (
            f"nothing answers at {host} {ports}, a private address: "
            f"if browsers are elsewhere, RTC_ANNOUNCED_IP is wrong; {view.advice}"
        )
    if all(one.outcome is Outcome.REFUSED for one in reaches):
        return (
            f"nothing listens at {host} {ports}: RTC_ANNOUNCED_IP is another machine's address ({view.advice}), "
            "RTC_LISTEN_IP does not receive what is sent there, or the ports are not published"
        )
    return (
        f"nothing answers at {host} {ports}: a firewall drops it ({_let_through(ports)}), "
        f"or RTC_ANNOUNCED_IP is wrong ({view.advice})"
    )


def _reached(host: str, reaches: Sequence[Reach]) -> Verdict:
    text = f"{host} answers by {_ports(reaches, GOOD)}"
    ip = parsed_ip(host)
    if ip is not None and ip.is_loopback:
        text += " (for browsers on this machine alone: set RTC_ANNOUNCED_IP for others)"
    elif ip is not None and is_private(ip):
        text += " (a private address: for browsers in its own network alone)"
    return Verdict(True, text)


def _ports(reaches: Sequence[Reach], outcomes: set[Outcome]) -> str:
    """Name the ports with such an outcome: `UDP ports 40000, 40001 and TCP port 40000`; empty when none has."""
    parts = []
    for protocol in ("udp", "tcp"):
        ports = sorted(
            {one.target.port for one in reaches if one.target.protocol == protocol and one.outcome in outcomes}
        )
        if ports:
            noun = "port" if len(ports) == 1 else "ports"
            parts.append(f"{protocol.upper()} {noun} {', '.join(map(str, ports))}")
    return " and ".join(parts)
