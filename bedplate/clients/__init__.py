"""clients: one protocol each, spoken to the outside world; they translate and decide nothing."""
