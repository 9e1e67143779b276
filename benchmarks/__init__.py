"""What an order costs, counted rather than timed."""
