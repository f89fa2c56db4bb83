"""The SDK in the frameworks that it has integrations for."""
