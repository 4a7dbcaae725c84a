"""The first hour of a new user by hand: what one sees after README's commands, in figures."""
