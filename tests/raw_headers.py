"""Messages whose headers have names that are not UTF-8, which the Python client cannot send.

Other clients can. It asks the client's own C library.
"""

import ctypes
from pathlib import Path

import confluent_kafka

_TOPIC, _VALUE, _KEY, _MSGFLAGS, _HEADERS, _END = 1, 4, 5, 7, 10, 0
_COPY = 0x2
_PRODUCER = 0


def produce_with_headers(
    servers: str, topic: str, value: bytes, key: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    """Send one message and wait until it is acknowledged."""
    library = _library()
    conf = library.rd_kafka_conf_new()
    error = ctypes.create_string_buffer(512)
    library.rd_kafka_conf_set(conf, b"bootstrap.servers", servers.encode(), error, 512)
    producer = library.rd_kafka_new(_PRODUCER, conf, error, 512)
    assert producer, error.value
    made = library.rd_kafka_headers_new(len(headers))
    for name, content in headers:
        library.rd_kafka_header_add(made, name, len(name), content, len(content))
    code = library.rd_kafka_producev(
        ctypes.c_void_p(producer),
        ctypes.c_int(_TOPIC), topic.encode(),
        ctypes.c_int(_VALUE), value, _size(value),
        ctypes.c_int(_KEY), key, _size(key),
        ctypes.c_int(_MSGFLAGS), ctypes.c_int(_COPY),
        ctypes.c_int(_HEADERS), ctypes.c_void_p(made),
        ctypes.c_int(_END),
    )  # fmt: skip
    assert code == 0, code
    assert library.rd_kafka_flush(producer, 20_000) == 0
    library.rd_kafka_destroy(producer)


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*.so*"))))
    pointer = ctypes.c_void_p
    library.rd_kafka_conf_new.restype = pointer
    text = ctypes.c_char_p
    library.rd_kafka_conf_set.argtypes = [pointer, text, text, text, ctypes.c_size_t]
    library.rd_kafka_new.restype = pointer
    library.rd_kafka_new.argtypes = [ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_headers_new.restype = pointer
    library.rd_kafka_headers_new.argtypes = [ctypes.c_size_t]
    library.rd_kafka_header_add.argtypes = [
        pointer, ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_char_p, ctypes.c_ssize_t
    ]  # fmt: skip
    library.rd_kafka_flush.argtypes = [pointer, ctypes.c_int]
    library.rd_kafka_destroy.argtypes = [pointer]
    return library


def _size(content: bytes) -> ctypes.c_size_t:
    return ctypes.c_size_t(len(content))
