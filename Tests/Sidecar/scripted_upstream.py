"""An upstream that says what it received, byte for byte, and answers in ways that the emulator does not."""

import hashlib
import json
import socket
import socketserver
import ssl
import threading


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        with self.server.lock:
            self.server.connections += 1
        while self.one():
            pass

    def one(self):
        line = self.rfile.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split(" ")
        headers = []
        while (field := self.rfile.readline()) not in (b"\r\n", b""):
            headers.append(tuple(field.decode("latin-1").rstrip("\r\n").split(": ", 1)))
        named = {name.lower(): value for name, value in headers}
        with self.server.lock:
            self.server.requests.append((method, target, headers))
            if self.server.tls:
                self.server.protocols.add(self.connection.selected_alpn_protocol())
        if target.startswith("/early"):
            self.answer(413, b"too much")
            return False
        body, length = hashlib.sha256(), 0
        for piece in self.body(named):
            body.update(piece)
            length += len(piece)
            if target.startswith("/slow-reader"):
                self.server.gate.wait(20)
        if target.startswith("/until-left"):
            self.server.arrived.set()
            if not self.rfile.read(1):
                self.server.left.set()
            return False
        if target.startswith("/held"):
            self.server.arrived.set()
            self.server.gate.wait(20)
        if target.startswith("/download"):
            self.download()
        elif target.startswith("/pieces"):
            self.pieces()
        elif target.startswith("/cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        elif target.startswith("/head"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
        elif target.startswith("/hop"):
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=9"
                b"\r\nX-Public: 1\r\n\r\nok")
        elif target == "/user_management/authenticate":
            number = len(self.server.requests)
            self.answer(200, json.dumps({"access_token": f"access-{number}"}).encode())
        else:
            told = {"method": method, "target": target, "headers": headers, "sha256": body.hexdigest(), "length": length}
            self.answer(200, json.dumps(told).encode())
        return True

    def body(self, named):
        if "content-length" in named:
            left = int(named["content-length"])
            while left:
                piece = self.rfile.read(min(left, 65536))
                if not piece:
                    return
                left -= len(piece)
                yield piece
        elif named.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline() or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

    def answer(self, status, body):
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def download(self):
        size = self.server.download_size
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for position in range(0, size, 65536):
            self.wfile.write(bytes([position // 65536 % 251]) * min(65536, size - position))

    def pieces(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            self.wfile.write(b"6\r\npiece" + str(number).encode() + b"\r\n")
            # The next one goes only when the test has seen this one.
            if not self.server.seen.acquire(timeout=20):
                return
        self.wfile.write(b"0\r\n\r\n")


class ScriptedUpstream(socketserver.ThreadingTCPServer):
    """Listens on a free loopback port until it is closed; with TLS where it is given a file with certificate and key."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls, self.protocols = None, set()
        if certificate:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(certificate)
            # Who offers HTTP/2 gets it, and is not understood.
            self.tls.set_alpn_protocols(["h2", "http/1.1"])
        self.lock = threading.Lock()
        self.requests, self.connections = [], 0
        self.gate, self.seen = threading.Event(), threading.Semaphore(0)
        self.arrived, self.left = threading.Event(), threading.Event()
        self.download_size = 20 * 2**20
        self.url = f"{'https://localhost' if certificate else 'http://127.0.0.1'}:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            # The handshake is the handler's: it must not hold up others.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        pass

    def close(self):
        self.gate.set()
        self.shutdown()
        self.server_close()
