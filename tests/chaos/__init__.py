"""Proof by killing: nobody lost, nobody twice."""
