"""Serving until the engine stops or is gone: a plugin must never outlive the CLI that started it."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

PARALLEL_REQUESTS = 64  # the engine's parallelism is 4 x cores by default; a waiting create holds a thread
MAX_MESSAGE_BYTES = 400 * 1024 * 1024  # as Pulumi's own providers
PARENT_POLL_S = 1.0


def serve(servicer: ResourceProviderServicer) -> tuple[grpc.Server, int]:
    """The started server and its port on 127.0.0.1."""
    server = grpc.server(
        ThreadPoolExecutor(PARALLEL_REQUESTS),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", MAX_MESSAGE_BYTES)],
    )
    add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def run(servicer: ResourceProviderServicer) -> None:
    """The plugin protocol: print the port, serve, end on SIGINT or SIGTERM (an orderly stop) or when the engine is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    _, port = serve(servicer)
    print(port, flush=True)
    threading.Thread(target=_end_with_engine, args=(os.getppid(),), daemon=True).start()
    threading.Event().wait()


def _end_with_engine(parent: int) -> None:
    """The engine holds the other end of our standard input: when it dies, however it dies, reading ends."""
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    else:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_S)
    os._exit(0)
