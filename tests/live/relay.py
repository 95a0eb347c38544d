"""TCP relays between engine and server, each a thread of its own; they change no byte.

	Cutter(address, port, target, every=2)         each second connection is cut in two at once,
	                                               after some replies or some bytes
	Cutter(address, port, target, close_after=20)  closes in order behind the 20th message that the
	                                               server took, and says nothing
	SlowRelay(address, port, target, seconds)      hands everything on so much later

A Cutter counts connections, cuts and messages taken."""

import asyncio
import random
import re
import threading

TAKEN = re.compile(rb"(?i)250 .*(queued|ok id=|accepted for delivery|saved)")
READ_SIZE = 65536


class Connection:
    """One client and its server; after how many replies, bytes or messages it ends, if it does."""

    def __init__(self, cutter, replies=None, size=None, messages=None):
        self.cutter, self.replies, self.size, self.messages = cutter, replies, size, messages
        self.line = b""
        self.ended = asyncio.Event()

    async def run(self, client, server):
        pumps = [asyncio.create_task(self.upward(client[0], server[1])),
                 asyncio.create_task(self.downward(server[0], client[1]))]
        over = asyncio.create_task(self.ended.wait())
        await asyncio.wait([*pumps, over], return_when=asyncio.FIRST_COMPLETED)
        if self.messages == 0:
            await self.close_in_order(pumps, client, server)
        elif not self.ended.is_set():  # one of the two has closed: the other still hears the rest
            await asyncio.wait(pumps, timeout=10)
        for task in (*pumps, over):
            task.cancel()

    async def close_in_order(self, pumps, client, server):
        """Ends both directions and reads on until the others have ended too, so that nothing on
        its way is lost by a reset."""
        for task in pumps:
            task.cancel()
        for reader, writer in (client, server):
            try:
                writer.write_eof()
                await asyncio.wait_for(drained(reader), 5)
            except (OSError, RuntimeError, asyncio.TimeoutError):
                pass

    def end(self):
        self.cutter.cuts += 1
        self.ended.set()

    async def upward(self, reader, writer):
        while data := await read(reader):
            if self.size is not None and len(data) >= self.size:
                await write(writer, data[:self.size])
                return self.end()
            if self.size is not None:
                self.size -= len(data)
            await write(writer, data)
        writer.write_eof()

    async def downward(self, reader, writer):
        while data := await read(reader):
            allowed = self.follow(data)
            await write(writer, data[:allowed])
            if allowed < len(data) or self.replies == 0 or self.messages == 0:
                return self.end()
        writer.write_eof()

    def follow(self, data):
        """Counts the replies in it; how many of its bytes may pass."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line, self.line, start = self.line + data[start:end], b"", end + 1
            if line[3:4] != b" ":
                continue
            taken = TAKEN.match(line) is not None
            self.cutter.taken += taken
            if self.replies is not None:
                self.replies -= 1
            if self.messages is not None:
                self.messages -= taken
            if self.replies == 0 or self.messages == 0:
                return start
        self.line += data[start:]
        return len(data)


async def read(reader):
    try:
        return await reader.read(READ_SIZE)
    except OSError:
        return b""


async def write(writer, data):
    try:
        writer.write(data)
        await writer.drain()
    except OSError:
        pass


async def drained(reader):
    while await reader.read(READ_SIZE):
        pass


class Relay:
    """Listens, and joins each client to a connection of its own to the target, by join()."""

    def __init__(self, address, port, target):
        self.listen, self.target = (address, port), target
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        if not self.ready.wait(10):
            raise RuntimeError(f"no relay on {address} port {port}")

    def run(self):
        asyncio.set_event_loop(self.loop)
        # A connection that is cut while it is written to is what is wanted, not an error to print.
        self.loop.set_exception_handler(lambda *_: None)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self.serve, *self.listen, reuse_address=True, backlog=512))
        self.ready.set()
        self.loop.run_forever()
        self.loop.close()

    async def serve(self, reader, writer):
        server = None
        try:
            server = await asyncio.open_connection(*self.target)
            await self.join((reader, writer), server)
        except OSError:
            pass
        finally:
            for w in (writer, server and server[1]):
                if w:
                    w.close()

    def close(self):
        async def stop():
            self.server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.loop.stop()
        asyncio.run_coroutine_threadsafe(stop(), self.loop)
        self.thread.join(10)


class Cutter(Relay):
    def __init__(self, address, port, target, seed=1, every=None, close_after=None):
        self.seed, self.every, self.close_after = seed, every, close_after
        self.connections = self.cuts = self.taken = 0
        super().__init__(address, port, target)

    def connection(self):
        """What is to become of the next one, the same in every run."""
        index, chance = self.connections, random.Random(f"{self.seed}:{self.connections}")
        self.connections += 1
        if self.close_after:
            return Connection(self, messages=self.close_after)
        if not self.every or index % self.every != self.every - 1:
            return Connection(self)
        if chance.random() < 0.5:
            return Connection(self, replies=chance.randint(1, 24))
        return Connection(self, size=chance.randint(1, 8000))

    async def join(self, client, server):
        await self.connection().run(client, server)


class SlowRelay(Relay):
    def __init__(self, address, port, target, seconds):
        self.seconds = seconds
        super().__init__(address, port, target)

    async def join(self, client, server):
        await asyncio.gather(self.carry(client[0], server[1]), self.carry(server[0], client[1]))

    async def carry(self, reader, writer):
        waiting = asyncio.Queue()
        giving = asyncio.create_task(self.give(waiting, writer))
        while data := await read(reader):
            waiting.put_nowait((self.loop.time() + self.seconds, data))
        waiting.put_nowait((self.loop.time() + self.seconds, b""))
        await giving

    async def give(self, waiting, writer):
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0, due - self.loop.time()))
            if not data:
                return writer.write_eof()
            await write(writer, data)
