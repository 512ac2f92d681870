"""Hundreds of generated WebSocket conversations on raw sockets, each with the outcome that RFC 6455 asks for.

The groups carry the numbers of the Autobahn suite (1 framing, 2 pings, 3 reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8,
7 closing, 10 fragments by the socket); group 0 is the opening handshake, group 8 what a hostile peer sends. It needs nothing but Python.
"""

import base64
import hashlib
import os
import random
import select
import socket
import struct
import sys

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE_SECONDS = 20  # Longer than any answer takes on a busy machine; only a hanging server reaches it.


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True, announced=None):
    """One frame of a client; `announced` lies about the length."""
    length = len(payload) if announced is None else announced
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[index & 3] for index, byte in enumerate(payload))


def close(code=1000, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


class Peer:
    """A raw connection to the echo end point."""

    def __init__(self, port, handshake=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting = b""
        if handshake:
            status, _ = self.ask(request())
            if status != 101:
                raise AssertionError(f"the handshake was answered with {status}")

    def ask(self, text):
        self.socket.sendall(text)
        while b"\r\n\r\n" not in self.waiting:
            piece = self.socket.recv(65536)
            if not piece:
                return None, {}
            self.waiting += piece
        head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), fields

    def write(self, data, chop=0):
        try:
            if not chop:
                self.socket.sendall(data)
            for start in range(0, len(data), chop or len(data)) if chop else ():
                self.socket.sendall(data[start:start + chop])
        except (BrokenPipeError, ConnectionResetError):
            pass  # The server has ended it already; what it said before is read below.

    def take(self, length):
        while len(self.waiting) < length:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self.waiting += piece
        taken, self.waiting = self.waiting[:length], self.waiting[length:]
        return taken

    def read(self):
        """The next frame as (opcode, payload), or None at the end."""
        head = self.take(2)
        if head is None:
            return None
        assert head[0] & 0x70 == 0, "the server set a reserved bit"
        assert head[0] & 0x80, "the echo of this server is one frame"
        assert head[1] & 0x80 == 0, "a server must not mask"
        length = head[1] & 0x7F
        if length == 126:
            [length] = struct.unpack(">H", self.take(2))
            assert length >= 126, "the shortest form of the length must be used"
        elif length == 127:
            [length] = struct.unpack(">Q", self.take(8))
            assert length >= 65536, "the shortest form of the length must be used"
        return head[0] & 0x0F, self.take(length)

    def read_all(self):
        """Every frame until the end of the connection, which must come."""
        frames = []
        while (got := self.read()) is not None:
            frames.append(got)
        return frames


def request(method="GET", path="/echo", version="13", key="dGhlIHNhbXBsZSBub25jZQ==", upgrade="websocket", connection="Upgrade", more=""):
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    for name, value in (("Upgrade", upgrade), ("Connection", connection), ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", version)):
        if value is not None:
            lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n" + more + "\r\n").encode()


# ---- What must come back -------------------------------------------------------------------------------------------

def echoes(port, data, expected, chop=0):
    """The data is answered with these frames, and then a clean close with a clean close."""
    peer = Peer(port)
    peer.write(data, chop)
    for number, wanted in enumerate(expected):
        got = peer.read()
        assert got == wanted, f"frame {number}: got {shown(got)}, wanted {shown(wanted)}"
    peer.write(close(1000))
    rest = peer.read_all()
    assert rest and rest[-1][0] == CLOSE and rest[-1][1][:2] in (b"", b"\x03\xe8") and len(rest) == 1, f"after the close: {[shown(one) for one in rest]}"
    peer.socket.close()


def fails(port, data, codes=(1002,), before=(), chop=0):
    """The server answers `before`, then ends the connection: by a close with one of these codes, or by dropping it."""
    peer = Peer(port)
    peer.write(data, chop)
    frames = peer.read_all()
    closes = [payload for opcode, payload in frames if opcode == CLOSE]
    answered = [got for got in frames if got[0] != CLOSE]
    assert answered == list(before), f"answered {[shown(got) for got in answered]}, wanted {[shown(got) for got in before]}"
    if closes:
        assert len(closes) == 1, "two close frames"
        code = struct.unpack(">H", closes[0][:2])[0] if closes[0] else None
        assert code in codes, f"closed with {code}, wanted one of {codes}"
    peer.socket.close()


def closes_with(port, data, payloads):
    """The server answers a close frame with a close frame of one of these payloads, and ends the connection."""
    peer = Peer(port)
    peer.write(data)
    frames = peer.read_all()
    assert len(frames) == 1 and frames[0][0] == CLOSE and frames[0][1] in payloads, f"got {[shown(got) for got in frames]}"
    peer.socket.close()


def shown(got):
    return "the end" if got is None else f"opcode {got[0]} with {len(got[1])} bytes {got[1][:24]!r}"


# ---- The conversations ---------------------------------------------------------------------------------------------

SIZES = (0, 1, 2, 124, 125, 126, 127, 128, 1023, 1024, 1025, 4096, 65535, 65536, 65537, 200_000)

VALID_TEXTS = [
    "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "你好，单于曾重", "🚚👩‍🔧", "\u0000", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff",
    "\U00010000", "\U0010fffe", "\U0010ffff", "", "\ufeffbom",
]
INVALID_TEXTS = [
    b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x8f\xbf\xbf", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80",
    b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"ok\xc3", b"ok\xe4\xbd", b"ok\xf0\x9f\x9a",
    b"\xc3\x28", b"\xe2\x28\xa1", b"\xe2\x82\x28", b"\xf0\x28\x8c\xbc", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]
GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def pieces(opcode, parts):
    """A message in fragments."""
    return b"".join(frame(opcode if index == 0 else CONTINUATION, part, fin=index == len(parts) - 1) for index, part in enumerate(parts))


def cut(data, count):
    """The data in `count` parts of nearly the same length."""
    bounds = [len(data) * index // count for index in range(count + 1)]
    return [data[start:end] for start, end in zip(bounds, bounds[1:])]


def cases():
    """Every case as (name, function of the port)."""
    noise = random.Random(6455)

    for size in SIZES:
        for opcode, payload in ((TEXT, b"*" * size), (BINARY, noise.randbytes(size))):
            for chop in (0, 997) if size > 4096 else (0, 1, 7):
                yield f"1 frame of {size} bytes, opcode {opcode}, chopped by {chop}", lambda port, o=opcode, p=payload, c=chop: echoes(port, frame(o, p), [(o, p)], c)
    yield "1 a hundred frames in one write", lambda port: echoes(port, b"".join(frame(TEXT, b"%d" % n) for n in range(100)), [(TEXT, b"%d" % n) for n in range(100)])

    for size in (0, 1, 2, 16, 64, 124, 125):
        payload = noise.randbytes(size)
        for chop in (0, 1):
            yield f"2 ping of {size} bytes, chopped by {chop}", lambda port, p=payload, c=chop: echoes(port, frame(PING, p), [(PONG, p)], c)
    yield "2 ping of 126 bytes", lambda port: fails(port, frame(PING, b"x" * 126))
    yield "2 pong of 126 bytes", lambda port: fails(port, frame(PONG, b"x" * 126))
    yield "2 pong that nobody asked for", lambda port: echoes(port, frame(PONG, b"x") + frame(PONG) + frame(TEXT, b"on"), [(TEXT, b"on")])
    yield "2 twenty pings in one write", lambda port: echoes(port, b"".join(frame(PING, b"%d" % n) for n in range(20)), [(PONG, b"%d" % n) for n in range(20)])

    for reserved in range(1, 8):
        for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
            yield f"3 reserved bits {reserved}, opcode {opcode}", lambda port, r=reserved, o=opcode: fails(port, frame(o, b"\x03\xe8", reserved=r))
        yield f"3 reserved bits {reserved} behind a good message", lambda port, r=reserved: fails(port, frame(TEXT, b"good") + frame(TEXT, b"bad", reserved=r) + frame(PING), before=[(TEXT, b"good")])

    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"x"):
            yield f"4 opcode {opcode} with {len(payload)} bytes", lambda port, o=opcode, p=payload: fails(port, frame(o, p))
        yield f"4 opcode {opcode} behind a good message", lambda port, o=opcode: fails(port, frame(TEXT, b"good") + frame(o, b"x") + frame(PING), before=[(TEXT, b"good")])

    for count in (2, 3, 5, 16, 60):
        for opcode, payload in ((TEXT, "fragment 碎片 ".encode() * 40), (BINARY, noise.randbytes(5000))):
            for chop in (0, 1 if count < 6 else 13):
                yield f"5 opcode {opcode} in {count} pieces, chopped by {chop}", lambda port, o=opcode, p=payload, n=count, c=chop: echoes(port, pieces(o, cut(p, n)), [(o, p)], c)
        between = b"".join(frame(BINARY if index == 0 else CONTINUATION, b"p", fin=index == count - 1) + (frame(PING, b"%d" % index) if index < count - 1 else b"") for index in range(count))
        yield f"5 pings between {count} pieces", lambda port, b=between, n=count: echoes(port, b, [(PONG, b"%d" % i) for i in range(n - 1)] + [(BINARY, b"p" * n)])
    yield "5 empty pieces", lambda port: echoes(port, pieces(TEXT, [b"", b"", b""]), [(TEXT, b"")])
    yield "5 an empty piece in the middle", lambda port: echoes(port, pieces(TEXT, [b"a", b"", b"b"]), [(TEXT, b"ab")])
    for fin in (True, False):
        yield f"5 continuation of nothing, fin {fin}", lambda port, f=fin: fails(port, frame(CONTINUATION, b"x", fin=f))
        yield f"5 continuation of a whole message, fin {fin}", lambda port, f=fin: fails(port, frame(TEXT, b"whole") + frame(CONTINUATION, b"x", fin=f), before=[(TEXT, b"whole")])
        for opcode in (TEXT, BINARY):
            yield f"5 new message {opcode} inside a message, fin {fin}", lambda port, f=fin, o=opcode: fails(port, frame(TEXT, b"a", fin=False) + frame(o, b"b", fin=f))
    for opcode in (PING, PONG, CLOSE):
        yield f"5 control frame {opcode} in pieces", lambda port, o=opcode: fails(port, frame(o, b"", fin=False) + frame(CONTINUATION, b""))

    for text in VALID_TEXTS:
        data = text.encode("utf-8", "surrogatepass")
        yield f"6 valid text {text!r}", lambda port, d=data: echoes(port, frame(TEXT, d), [(TEXT, d)])
        for at in range(1, len(data)):
            yield f"6 valid text {text!r} cut at {at}", lambda port, d=data, a=at: echoes(port, pieces(TEXT, [d[:a], d[a:]]), [(TEXT, d)])
    for data in INVALID_TEXTS:
        yield f"6 invalid text {data!r}", lambda port, d=data: fails(port, frame(TEXT, d), codes=(1007,))
        yield f"6 the same as binary {data!r}", lambda port, d=data: echoes(port, frame(BINARY, d), [(BINARY, d)])
        for at in range(1, len(data)):
            yield f"6 invalid text {data!r} cut at {at}", lambda port, d=data, a=at: fails(port, pieces(TEXT, [d[:a], d[a:]]), codes=(1007,))

    yield "7 close without a code", lambda port: closes_with(port, frame(CLOSE), (b"", b"\x03\xe8"))
    for code in GOOD_CODES:
        for reason in (b"", "bis später".encode(), b"r" * 123):
            yield f"7 close {code} with {len(reason)} bytes of reason", lambda port, c=code, r=reason: closes_with(
                port, close(c, r), (struct.pack(">H", c) + r, struct.pack(">H", c), struct.pack(">H", 1000), b""))
    for code in BAD_CODES:
        yield f"7 close with the code {code} that must not be sent", lambda port, c=code: fails(port, close(c))
    yield "7 close with half a code", lambda port: fails(port, frame(CLOSE, b"\x03"))
    yield "7 close with 124 bytes of reason", lambda port: fails(port, close(1000, b"r" * 124))
    yield "7 close with a reason that is no text", lambda port: fails(port, close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), codes=(1007, 1002))
    yield "7 two closes", lambda port: closes_with(port, close(1000) + close(1000), (b"\x03\xe8", b""))
    yield "7 a message behind a close", lambda port: closes_with(port, close(1000) + frame(TEXT, b"late"), (b"\x03\xe8", b""))
    yield "7 a ping behind a close", lambda port: closes_with(port, close(1000) + frame(PING), (b"\x03\xe8", b""))
    yield "7 a close inside a message", lambda port: closes_with(port, frame(TEXT, b"a", fin=False) + close(1000) + frame(CONTINUATION, b"b"), (b"\x03\xe8", b""))
    yield "7 a message, then a close", lambda port: echoes(port, frame(TEXT, b"last"), [(TEXT, b"last")])
    for size in (0, 300_000):
        yield f"7 the peer goes away without a word, {size} bytes on the way", lambda port, s=size: gone(port, s)

    for opcode in (TEXT, BINARY, PING, CLOSE):
        yield f"8 frame without a mask, opcode {opcode}", lambda port, o=opcode: fails(port, frame(o, b"\x03\xe8", masked=False))
    for length in (2**63, 2**64 - 1, 2**62, 2**40, 2**32):
        for opcode in (TEXT, BINARY):
            yield f"8 opcode {opcode} that announces {length} bytes", lambda port, o=opcode, n=length: fails(port, frame(o, b"", announced=n), codes=(1002, 1009))
    yield "8 endless pieces", endless
    yield "8 random bytes", lambda port: [rubbish(port, noise.randbytes(400)) for _ in range(40)]

    for chop in (1, 2, 1023, 1300):
        payload = b"*" * (65536 if chop > 2 else 700)
        yield f"10 {len(payload)} bytes in writes of {chop}", lambda port, c=chop, p=payload: echoes(port, frame(TEXT, p), [(TEXT, p)], c)

    yield "0 accept key", accept_key
    yield "0 handshake byte by byte", slow_handshake
    for name, text, statuses in (
        ("another version", request(version="12"), (400, 426)), ("no version", request(version=None), (400, 426)), ("no key", request(key=None), (400, 426)),
        ("a key that is not sixteen bytes", request(key="c2hvcnQ="), (400, 101)), ("no upgrade", request(upgrade=None), (400, 426)), ("upgrade to something else", request(upgrade="h2c"), (400, 426)),
        ("no connection field", request(connection=None), (400, 426)), ("POST", request(method="POST", more="Content-Length: 0\r\n"), (400, 405, 426)),
    ):
        yield f"0 {name}", lambda port, t=text, s=statuses: refused(port, t, s)
    for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate, x-webkit-deflate-frame", "foo; bar=1"):
        yield f"0 extension {offer} is not accepted", lambda port, o=offer: no_extension(port, o)
    yield "0 words of HTTP in any case", lambda port: refused(port, request(upgrade="WebSocket", connection="keep-alive, UPGRADE"), (101,))
    yield "0 a head without end", endless_head


def refused(port, text, statuses):
    peer = Peer(port, handshake=False)
    status, _ = peer.ask(text)
    assert status in statuses, f"answered {status}, wanted one of {statuses}"
    peer.socket.close()


def accept_key(port):
    for _ in range(5):
        key = base64.b64encode(os.urandom(16)).decode()
        peer = Peer(port, handshake=False)
        status, fields = peer.ask(request(key=key))
        assert status == 101 and fields["upgrade"].lower() == "websocket" and fields["connection"].lower() == "upgrade"
        assert fields["sec-websocket-accept"] == base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert "sec-websocket-protocol" not in fields, "none was offered"
        peer.socket.close()


def slow_handshake(port):
    peer = Peer(port, handshake=False)
    text = request()
    for at in range(len(text) - 1):
        peer.socket.sendall(text[at:at + 1])
    status, _ = peer.ask(text[-1:])
    assert status == 101
    peer.write(frame(TEXT, b"here"))
    assert peer.read() == (TEXT, b"here")
    peer.socket.close()


def no_extension(port, offer):
    peer = Peer(port, handshake=False)
    status, fields = peer.ask(request(more=f"Sec-WebSocket-Extensions: {offer}\r\n"))
    assert status == 101 and "sec-websocket-extensions" not in fields, (status, fields)
    peer.socket.close()


def endless_head(port):
    peer = Peer(port, handshake=False)
    try:
        peer.socket.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\n")
        for number in range(40_000):
            peer.socket.sendall(b"X-%d: %s\r\n" % (number, b"y" * 90))
    except (BrokenPipeError, ConnectionResetError):
        return
    status, _ = peer.ask(b"")
    assert status is None or 400 <= status < 500, f"a head of 4 MB was answered with {status}"


def endless(port):
    """Pieces of a message that never ends must be stopped by the server, not kept for ever."""
    peer = Peer(port)
    piece = frame(CONTINUATION, b"x" * 65536, fin=False)
    peer.write(frame(BINARY, b"x", fin=False))
    for _ in range(4096):
        peer.write(piece)
        if select.select([peer.socket], [], [], 0)[0]:
            break
    else:
        raise AssertionError("256 MiB of one message were taken without a close")
    frames = peer.read_all()
    assert all(opcode == CLOSE and payload[:2] in (b"\x03\xea", b"\x03\xf1") for opcode, payload in frames), [shown(got) for got in frames]


def rubbish(port, data):
    """Whatever comes, the server answers in whole frames or ends the connection, and serves the next peer."""
    peer = Peer(port)
    peer.write(data)
    peer.socket.shutdown(socket.SHUT_WR)
    peer.read_all()
    peer.socket.close()
    echoes(port, frame(TEXT, b"still here"), [(TEXT, b"still here")])


def gone(port, size):
    for _ in range(5):
        peer = Peer(port)
        peer.write(frame(BINARY, b"x" * size) if size else b"")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
    echoes(port, frame(TEXT, b"still here"), [(TEXT, b"still here")])


def run(port):
    """Runs every case; gives (passed, [(name, why), …])."""
    passed, failed = 0, []
    for name, case in cases():
        try:
            case(port)
            passed += 1
        except (AssertionError, OSError, TypeError) as error:
            failed.append((name, str(error) or repr(error)))
    return passed, failed


if __name__ == "__main__":
    good, bad = run(int(sys.argv[1]))
    for case_name, why in bad:
        print(f"FAILED {case_name}: {why}")
    print(f"{good} passed, {len(bad)} failed")
    sys.exit(bool(bad))
