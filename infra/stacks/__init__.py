"""``data`` keeps what must outlive a deployment; ``service`` and ``api`` can be replaced."""
