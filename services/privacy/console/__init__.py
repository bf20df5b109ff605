"""The console of the privacy officer and the approver: pages under /console."""
