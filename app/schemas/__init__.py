"""The field rules of what the service stores, and their masks."""
