"""The contract in forms that machines read: JSON Schemas, examples, and the AsyncAPI document of them all."""
