"""The audit chain: every act and every alarm transition, each line sealed by the hash of the one before."""
