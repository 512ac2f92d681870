"""A small client, written from PROTOCOL.md and the vectors alone. The tests use it beside the Rust one."""

from .client import Client
from .codec import JSON, MSGPACK, Unreadable
from .connection import Closed, Connection, Refused

__all__ = ["JSON", "MSGPACK", "Client", "Closed", "Connection", "Refused", "Unreadable"]
