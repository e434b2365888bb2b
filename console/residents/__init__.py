"""The pages of residents and businesses: register, sign in, choose, read, stop, take out, leave."""
