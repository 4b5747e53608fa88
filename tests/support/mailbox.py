"""A mailbox: a mail server on this machine that takes one message and keeps it."""

import socket
import threading
from contextlib import contextmanager


class Mailbox:
    """What came, and where it listens."""

    def __init__(self, port):
        self.port = port
        self.recipients = []
        self.text = ""

    def take(self, connection):
        lines = connection.makefile("rwb")

        def say(text):
            lines.write(f"{text}\r\n".encode())
            lines.flush()

        say("220 ready")
        while line := lines.readline():
            match line.decode().strip().upper().split(" ")[0]:
                case "EHLO" | "HELO":
                    say("250 here")
                case "RCPT":
                    self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                    say("250 fine")
                case "DATA":
                    say("354 go on")
                    body = []
                    while (part := lines.readline()) not in (b".\r\n", b""):
                        body.append(part.decode())
                    self.text = "".join(body)
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 fine")


@contextmanager
def mailbox():
    """Listen for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        box = Mailbox(listening.getsockname()[1])

        def serve():
            connection, _ = listening.accept()
            with connection:
                box.take(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield box
        thread.join(5)
        assert not thread.is_alive()
