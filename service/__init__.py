"""What a person or a program may do, as plain commands, and the loops that run by themselves."""
