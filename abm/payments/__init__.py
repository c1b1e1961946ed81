"""Who pays what for care: acts and their dated prices, how a bill is shared, what care outside the model costs."""
