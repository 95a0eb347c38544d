"""aiosmtpd as a mail server: python3 aiosmtpd_server.py ADDRESS PORT MAILDIR

Stores by aiosmtpd's own Mailbox handler, which notes the envelope in X-MailFrom and X-RcptTo;
refuses recipients that begin with `bad`. Runs until it is told to end."""

import asyncio
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP


class Store(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bad"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        await super().handle_DATA(server, session, envelope)
        return "250 2.0.0 OK, queued"


async def serve(address, port, maildir):
    store = Store(maildir)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(store, hostname="mx.aiosmtpd.test", enable_SMTPUTF8=True), address, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
