"""The order management system: one room per capability, see docs/architecture.md."""
