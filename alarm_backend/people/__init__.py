"""Who the pseudonyms are: names and telephone numbers, sealed with a key that is not in the database."""
