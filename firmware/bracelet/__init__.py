"""The bracelet: a drink test from the strip to a told and sealed verdict."""
