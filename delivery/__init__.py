"""From rows to test files: writing, versioning and serving what app servers decide from."""
