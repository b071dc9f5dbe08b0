"""How good generated photos are: numbers, each with the protocol that made it."""
