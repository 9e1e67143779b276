"""``data`` keeps what must outlive a deployment; ``service`` is everything that can be replaced."""
