"""What BuildKit tells during a build: the engine streams base64 protobufs of moby.buildkit.v1.StatusResponse.

Only the fields that we read are declared; protobuf skips the rest. Field numbers as measured, see DESIGN section 5.
"""

import base64
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_STRING, _INT64, _BYTES, _BOOL, _MESSAGE = 9, 3, 12, 8, 11
_OPTIONAL, _REPEATED = 1, 3
_MESSAGES: dict[str, list[tuple[str, int, int, int, str]]] = {
    "Timestamp": [("seconds", 1, _OPTIONAL, _INT64, "")],
    "Vertex": [
        ("digest", 1, _OPTIONAL, _STRING, ""),
        ("name", 3, _OPTIONAL, _STRING, ""),
        ("cached", 4, _OPTIONAL, _BOOL, ""),
        ("started", 5, _OPTIONAL, _MESSAGE, "Timestamp"),
        ("completed", 6, _OPTIONAL, _MESSAGE, "Timestamp"),
        ("error", 7, _OPTIONAL, _STRING, ""),
    ],
    "VertexLog": [("vertex", 1, _OPTIONAL, _STRING, ""), ("msg", 4, _OPTIONAL, _BYTES, "")],
    "StatusResponse": [
        ("vertexes", 1, _REPEATED, _MESSAGE, "Vertex"),
        ("logs", 3, _REPEATED, _MESSAGE, "VertexLog"),
    ],
}


def _declare() -> type[Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="minpaas_buildkit.proto", package="minpaas.buildkit", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, label, kind, of in fields:
            declared = message.field.add(name=field, number=number, label=label, type=kind)
            if of:
                declared.type_name = f".minpaas.buildkit.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("minpaas.buildkit.StatusResponse"))


_StatusResponse = _declare()


def decode(aux: str) -> Any:
    """One `moby.buildkit.trace` as a StatusResponse with .vertexes and .logs."""
    return _StatusResponse.FromString(base64.b64decode(aux))
