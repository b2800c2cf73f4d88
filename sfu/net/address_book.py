"""Whose address is whose: where a packet from an address goes, and who is at an IP address."""

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from sfu.net.address import Address, UdpAddress, host_of
from sfu.net.receive_vector import name_of
from sfu.net.tcp_connection import TcpConnection

if TYPE_CHECKING:
    from sfu.net.endpoint import Endpoint


class AddressBook:
    """The addresses of all endpoints of a port.

    `owners` and `by_name` are for reading, for they are asked for every packet; the latter has those of UDP, under
    their names in a `ReceiveVector`.
    """

    def __init__(self) -> None:
        self.owners: dict[Address, Endpoint] = {}
        self.by_name: dict[bytes, tuple[Endpoint, UdpAddress]] = {}
        self._by_host: dict[str, Counter[Endpoint]] = {}  # with how many addresses each is there

    def bind(self, address: Address, endpoint: "Endpoint") -> None:
        """Give an address to an endpoint, whoever had it before."""
        self.unbind(address)
        self.owners[address] = endpoint
        if not isinstance(address, TcpConnection):
            self.by_name[name_of(address)] = endpoint, address
        self._by_host.setdefault(host_of(address), Counter())[endpoint] += 1

    def unbind(self, address: Address) -> "Endpoint | None":
        """Let an address be nobody's, and return whose it was."""
        owner = self.owners.pop(address, None)
        if owner is not None:
            if not isinstance(address, TcpConnection):
                self.by_name.pop(name_of(address), None)
            host = host_of(address)
            there = self._by_host[host]
            there[owner] -= 1
            if not there[owner]:
                del there[owner]
            if not there:
                del self._by_host[host]
        return owner

    def owners_at(self, host: str) -> "Collection[Endpoint]":
        """Return who is at this IP address; valid until the next change."""
        return self._by_host.get(host, ())
