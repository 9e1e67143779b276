"""One construct per kind of thing; the stacks compose them."""
