"""Measurements that a user can repeat: `seald bench …`. Nothing here is imported by the daemon."""
