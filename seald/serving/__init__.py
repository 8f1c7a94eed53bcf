"""The engine from the daemon's side: its client, its process, what is resident in it, and which version answers."""
