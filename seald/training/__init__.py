"""The trainer: a process of its own for each job, and the torch-free launcher that the daemon holds."""
