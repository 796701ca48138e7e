"""Visitors in a process of their own: keep-alive clients that ask as fast as they can, and new connections at a steady rate.

    python crowd.py PORT HOST CLIENTS RATE SECONDS

Ends when its standard input does, or after SECONDS, and prints what it counted as one line of JSON. Loopback only.
"""

import asyncio
import json
import sys
import time


class Crowd:
    """Counts every request that was sent, and keeps why those failed that did."""

    def __init__(self, port: int, host: str):
        self.port, self.host = port, host
        self.ended = asyncio.Event()
        self.kept, self.fresh, self.slowest = 0, 0, 0.0
        self.failures: list[str] = []

    def question(self, connection: str) -> bytes:
        return f"GET / HTTP/1.1\r\nHost: {self.host}\r\nConnection: {connection}\r\n\r\n".encode()

    async def answer(self, reader: asyncio.StreamReader) -> bool:
        """Read one complete answer; whether the connection may be used again. Raises on anything but 200."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        if not head.startswith("http/1.1 200"):
            raise ValueError(head.partition("\r\n")[0])
        return "connection: close" not in head

    async def keep_asking(self) -> None:
        """One keep-alive client: the next question follows the answer."""
        while not self.ended.is_set():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            again = True
            while again and not self.ended.is_set():
                began = time.monotonic()
                self.kept += 1
                again = await self.asked(reader, writer, "keep-alive")
                self.slowest = max(self.slowest, time.monotonic() - began)
            writer.close()

    async def come(self) -> None:
        """One new visitor with one question."""
        self.fresh += 1
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            self.failures.append(f"connect: {error}")
            return
        await self.asked(reader, writer, "close")
        writer.close()

    async def asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: str) -> bool:
        try:
            writer.write(self.question(connection))
            return await asyncio.wait_for(self.answer(reader), 30)
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.failures.append(f"{connection} at {time.time():.3f}: {type(error).__name__} {error}")
            return False


async def main(port: int, host: str, clients: int, rate: int, seconds: float) -> None:
    crowd = Crowd(port, host)
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, crowd.ended.set)
    loop.call_later(seconds, crowd.ended.set)
    tasks = [asyncio.create_task(crowd.keep_asking()) for _ in range(clients)]
    began, came = time.monotonic(), 0
    while not crowd.ended.is_set():
        for _ in range(int((time.monotonic() - began) * rate) - came):
            tasks.append(asyncio.create_task(crowd.come()))
            came += 1
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    shape = {"kept": crowd.kept, "fresh": crowd.fresh, "failed": len(crowd.failures), "why": crowd.failures[:20]}
    print(json.dumps({**shape, "slowest": round(crowd.slowest, 3), "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
