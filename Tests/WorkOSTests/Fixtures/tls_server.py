"""A TLS server for tests: tls_server.py CERTIFICATE KEY [close-early]. Prints its port, then answers every
connection with one token response (or, told so, breaks it off after the handshake); ends with its standard input."""
import os
import socket
import ssl
import struct
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
breaks_off = sys.argv[3:] == ["close-early"]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
BODY = b'{"access_token":"at","refresh_token":"rt"}'


def serve(plain):
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            if breaks_off:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            received = b""
            while b"\r\n\r\n" not in received or not received.endswith(b"}"):
                piece = connection.recv(65536)
                if not piece:
                    return
                received += piece
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
    except OSError:
        pass


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
os._exit(0)
