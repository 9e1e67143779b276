"""docs/openapi.json, made from the code: `make openapi` writes it, a test compares it."""
