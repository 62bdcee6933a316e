"""Field-test records of bracelets: verified, stored whatever the outcome, flagged when something is wrong."""
