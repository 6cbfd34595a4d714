"""What a process has once, and the threads and listeners of the library."""
