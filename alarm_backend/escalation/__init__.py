"""What happens when nobody answers: chains with deadlines, an auditor that checks them, flood mode."""
