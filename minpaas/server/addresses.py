"""Fixed addresses on the apps' network, each given out as late again as can be: a freed one must outlive nginx's keep-alive."""

import ipaddress
import threading
from collections.abc import Iterable


class Addresses:
    """Goes round the subnet, so that an address rests for a whole round before it is used again."""

    def __init__(self, subnet: str, used: Iterable[str]):
        network = ipaddress.IPv4Network(subnet)
        self._first, self._last = int(network.network_address) + 16, int(network.broadcast_address) - 1
        self._used = {int(ipaddress.IPv4Address(address)) for address in used if address}
        self._next = max((one for one in self._used if self._first <= one <= self._last), default=self._first - 1) + 1
        self._lock = threading.Lock()

    def take(self) -> str:
        """An address that nothing has. Raises RuntimeError when the subnet is full."""
        with self._lock:
            for _ in range(self._last - self._first + 1):
                candidate = self._next if self._next <= self._last else self._first
                self._next = candidate + 1
                if candidate not in self._used:
                    self._used.add(candidate)
                    return str(ipaddress.IPv4Address(candidate))
        raise RuntimeError("every address of the apps' network is taken")

    def give_back(self, address: str) -> None:
        """Free for the next round."""
        with self._lock:
            self._used.discard(int(ipaddress.IPv4Address(address)))
