"""What comes next in numbers: the next product's price, the pause before it, the chance to buy."""
