"""Every service tries everything with its own credentials; what the servers answer is docs/least-privilege.md."""
