"""Formats of payments beside plain JSON: Avro, Protobuf and JSON Schema with a schema registry."""
