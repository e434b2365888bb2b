"""Tools of other people that read what we publish, each in a locked environment of its own."""
